import { ApiError } from '@qiatan/api'
import { isMessageKey, t } from '../i18n'

/** One sentence for people about any failure; codes this page does not know fall back to the server's own words. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('errors.unexpected')
  const key = `errors.${error.code}`
  if (isMessageKey(key)) return t(key)
  return error.status > 0 && error.message !== '' ? error.message : t('errors.unexpected')
}

/** The number to quote to an administrator, or null. */
export function requestIdOf(error: unknown): string | null {
  return error instanceof ApiError ? error.requestId : null
}

/** The server's own words about a failure of this code, which know more than the sentence of the code. */
export function detailOf(error: unknown, code: string): string | null {
  return error instanceof ApiError && error.code === code && error.message !== '' ? error.message : null
}

/** The sentence for one field of a refused form, or null. Codes of whole answers that speak of one field are named in `codes`. */
export function fieldText(error: unknown, field: string, codes: Readonly<Record<string, string>> = {}): string | null {
  if (!(error instanceof ApiError)) return null
  if (codes[error.code] === field) return errorText(error)
  const found = error.fields.find((one) => one.field === field || one.field === `body.${field}` || one.field.startsWith(`${field}.`))
  if (!found) return null
  const key = `errors.field_${found.code}`
  return isMessageKey(key) ? t(key) : found.message || t('errors.field_invalid')
}

/** True where every fault of a refused form belongs to one of the fields the page shows. */
export function coveredBy(error: unknown, fields: readonly string[]): boolean {
  return error instanceof ApiError && error.fields.length > 0 && error.fields.every((one) =>
    fields.some((field) => one.field === field || one.field === `body.${field}` || one.field.startsWith(`${field}.`)))
}
