import type { Conversation } from '@qiatan/api'
import { t } from '../../i18n'

/** How many signs of its id tell a nameless visitor from the others. */
const CODE_LENGTH = 5

/** The customer's name; a visitor nobody named is called one in the reader's language, with the code the server gave. */
export function customerName({ id, name }: Pick<Conversation['customer'], 'id' | 'name'>): string {
  if (name === '') return t('conversations.unnamed')
  const code = id.replaceAll('-', '').slice(-CODE_LENGTH).toUpperCase()
  const isMade = name.endsWith(` ${code}`) && !name.slice(0, -CODE_LENGTH - 1).includes(' ')
  return isMade ? t('conversations.visitor', { code }) : name
}

const MADE = /^访客 ([0-9A-F]{5})$/

/** The same where only the name is told, not whose it is: in an offer, whose conversation may not be ours to see yet. */
export function shownName(name: string): string {
  const code = MADE.exec(name)?.[1]
  if (name === '') return t('conversations.unnamed')
  return code ? t('conversations.visitor', { code }) : name
}
