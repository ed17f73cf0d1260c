import type { Id } from '@qiatan/api'
import type { OutboxEntry } from '@qiatan/live'
import { watch } from 'vue'
import { t } from '../i18n'
import { router } from '../router'
import { toastProblem } from '../ui/toasts'
import { customerName } from './layout/customerName'
import { useDirectory } from './stores/directory'
import { useOutbox } from './stores/outbox'
import { useThread } from './stores/thread'

/** Says that something was not sent where its conversation is not on the screen: whoever goes on to the next one would not see it. */
export function tellUnsent(): void {
  const outbox = useOutbox()
  const directory = useDirectory()
  const thread = useThread()

  function tell(id: Id): void {
    const conversation = directory.known.get(id)
    const customer = conversation ? customerName(conversation.customer) : t('conversations.unnamed')
    toastProblem(t('conversations.list.unsent', { customer }), {
      text: t('conversations.list.unsentOpen'),
      run: () => void router.push({ name: 'conversations', params: { id } }),
    })
  }

  watch(() => outbox.entries, (now, before) => {
    for (const id of new Set(newlyFailed(now, before))) if (id !== thread.id) tell(id)
  })
}

/** What had failed before this page was opened is marked in the list, and no news. */
function newlyFailed(now: readonly OutboxEntry[], before: readonly OutboxEntry[]): Id[] {
  const underWay = new Set(before.flatMap((entry) => (entry.state === 'failed' ? [] : [entry.client_message_id])))
  return now.flatMap((entry) => (entry.state === 'failed' && entry.conversation_id !== null && underWay.has(entry.client_message_id) ? [entry.conversation_id] : []))
}
