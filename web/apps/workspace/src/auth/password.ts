import { t } from '../i18n'

/** The server's limits; it checks again. */
export const MIN_PASSWORD = 10
export const MAX_PASSWORD = 200

/** The sentence about a new password that will not do, or null. */
export function passwordFault(password: string): string | null {
  const length = [...password].length
  if (length >= MIN_PASSWORD) return null
  return t('auth.password.tooShort', { min: MIN_PASSWORD, missing: MIN_PASSWORD - length })
}

/** Enough to catch a slip of the finger; whether the mail box exists is not ours to know. */
export function emailFault(email: string): string | null {
  const trimmed = email.trim()
  if (trimmed === '') return t('auth.required.email')
  return /^[^\s@]+@[^\s@]+$/.test(trimmed) ? null : t('auth.required.emailInvalid')
}
