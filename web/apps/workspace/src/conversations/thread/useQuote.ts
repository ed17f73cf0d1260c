import { isPicture, type Message } from '@qiatan/live'
import { t } from '../../i18n'

/** The message that is answered, and who sent it. */
export interface Quote {
  /** Null until it is here. */
  message: Message | null
  name: string
  /** Asks for it once more; null unless it was asked for and did not come. */
  again: (() => void) | null
}

/** What a message is called in one line: its text, or what it is where it has none. */
export function quoteText(message: Message): string {
  if (message.withdrawn) return t('talk.replyGone')
  if (isPicture(message)) return t('conversations.preview.picture')
  if (message.kind === 'file') return t('talk.replyFile')
  return (message.text ?? '').replace(/\s+/g, ' ').trim()
}
