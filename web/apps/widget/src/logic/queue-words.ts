import { t } from '../i18n'

/** An expected wait in words that promise no more than is known. Seconds; null where the server does not know. */
export function waitText(seconds: number | null): string {
  if (seconds === null) return t('q_unknown')
  if (seconds < 60) return t('q_soon')
  if (seconds > 3_600) return t('q_long')
  return t('q_minutes', { minutes: Math.max(2, Math.ceil(seconds / 60)) })
}
