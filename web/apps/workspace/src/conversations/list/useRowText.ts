import type { Conversation } from '@qiatan/api'
import { computed, type ComputedRef } from 'vue'
import { t } from '../../i18n'
import { useWords } from '../layout/useWords'

export function useRowText(of: () => Conversation): ComputedRef<string> {
  const lineOf = useLastLine()
  return computed(() => lineOf(of()))
}

/** The last line of a conversation as lists show it: who said it where it was not the customer, and what it was where it was no text. */
export function useLastLine(): (conversation: Conversation) => string {
  const { myId, agentName } = useWords()
  return (conversation) => {
    const { last } = conversation
    if (!last) return t('conversations.preview.none')
    if (last.kind === 'event') return eventText(conversation)
    if (last.kind === 'withdrawal') return t('conversations.preview.withdrawn')
    const text = last.kind === 'file' ? t('files.inList', { name: last.preview }) : last.kind === 'picture' || (last.kind === 'rich' && last.preview === '') ? t('conversations.preview.picture') : last.preview
    if (last.sender_kind !== 'agent') return text
    // Lines of former versions do not say who wrote them: where several have spoken, none is named.
    const several = conversation.participants.filter((one) => !one.internal).length > 1
    if (!last.sender_id && several) return t('conversations.list.byAgent', { text })
    const writer = last.sender_id ?? conversation.assignee_id
    if (writer === myId.value) return t('conversations.list.you', { text })
    const known = conversation.participants.some((one) => one.id === writer)
    return known ? t('conversations.list.by', { name: agentName(conversation, writer), text }) : t('conversations.list.byAgent', { text })
  }
}

function eventText(conversation: Conversation): string {
  if (conversation.status !== 'ended') return t('conversations.preview.event')
  if (conversation.ended_by === 'customer') return t('conversations.preview.endedByCustomer')
  return conversation.ended_by === 'agent' ? t('conversations.preview.endedByAgent') : t('conversations.preview.endedBySystem')
}
