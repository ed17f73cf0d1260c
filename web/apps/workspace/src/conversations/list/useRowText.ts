import type { Conversation } from '@qiatan/api'
import { computed, type ComputedRef } from 'vue'
import { t } from '../../i18n'
import { useWords } from '../layout/useWords'

/** The last line of a conversation as the list shows it: who said it where it was not the customer, and what it was where it was no text. */
export function useRowText(of: () => Conversation): ComputedRef<string> {
  const { myId, agentName } = useWords()
  return computed(() => {
    const conversation = of()
    const { last } = conversation
    if (!last) return t('conversations.preview.none')
    if (last.kind === 'event') return eventText(conversation)
    if (last.kind === 'withdrawal') return t('conversations.preview.withdrawn')
    const text = last.kind === 'picture' ? t('conversations.preview.picture') : last.preview
    if (last.sender_kind !== 'agent') return text
    // The line does not say which agent wrote it: where several have spoken, none is named.
    if (conversation.participants.filter((one) => !one.internal).length > 1) return t('conversations.list.byAgent', { text })
    if (conversation.assignee_id === myId.value) return t('conversations.list.you', { text })
    return t('conversations.list.by', { name: agentName(conversation, conversation.assignee_id), text })
  })
}

function eventText(conversation: Conversation): string {
  if (conversation.status !== 'ended') return t('conversations.preview.event')
  if (conversation.ended_by === 'customer') return t('conversations.preview.endedByCustomer')
  return conversation.ended_by === 'agent' ? t('conversations.preview.endedByAgent') : t('conversations.preview.endedBySystem')
}
