import { isPicture, type Message } from '@qiatan/live'
import { t } from '../../i18n'

/** What a message is called in one line: its text, or what it is where it has none. */
export function quoteText(message: Message): string {
  if (message.withdrawn) return t('talk.replyGone')
  if (isPicture(message)) return t('conversations.preview.picture')
  if (message.kind === 'file') return t('talk.replyFile')
  return (message.text ?? '').replace(/\s+/g, ' ').trim()
}
