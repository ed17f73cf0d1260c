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
