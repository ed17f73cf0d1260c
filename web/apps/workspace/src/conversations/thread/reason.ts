import { isMessageKey, t } from '../../i18n'

/** Why a message was not sent, for people; empty where there is nothing to add to 「未发出」. */
export function reasonText(code: string | null): string {
  if (code === null || code === 'no_answer' || code === 'network') return ''
  for (const key of [`conversations.reason.${code}`, `errors.${code}`]) if (isMessageKey(key)) return t(key)
  return ''
}
