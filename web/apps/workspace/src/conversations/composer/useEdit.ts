import { ApiError } from '@qiatan/api'
import { uuidv7, type Message } from '@qiatan/live'
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastFailed, toastProblem } from '../../ui/toasts'
import { useOwn } from '../stores/own'

function keyOf({ conversation_id, seq }: Message): string {
  return `${conversation_id} ${seq}`
}

/**
 * Changes what a message of mine says. The server decides whether it is still possible; the page shows the result at once. What is under way is
 * known by message, so that a slow answer holds up no other one, and the number of one try is never that of another message's.
 */
export const useEdit = defineStore('edit', () => {
  const accept = useOwn()
  const saving = shallowReactive(new Set<string>())
  const tried = new Map<string, { text: string; id: string }>()

  function isSaving(message: Message): boolean {
    return saving.has(keyOf(message))
  }

  /** Whether the server has taken it; why not is told. */
  async function save(message: Message, text: string): Promise<boolean> {
    const key = keyOf(message)
    if (saving.has(key)) return false
    const before = tried.get(key)
    const id = before?.text === text ? before.id : uuidv7()
    tried.set(key, { text, id })
    saving.add(key)
    try {
      const ack = await api.edit(message.conversation_id, message.seq, { client_message_id: id, text })
      tried.delete(key)
      const edit: Message = {
        conversation_id: message.conversation_id, seq: ack.seq, kind: 'edit', sender_kind: 'agent', sender_id: message.sender_id,
        client_message_id: ack.client_message_id, at: ack.at, text, data: { seq: message.seq }, withdrawn: false,
      }
      accept(edit)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.code === 'too_late') toastProblem(t('talk.editTooLate'))
      else toastFailed(error, t('talk.editFailed'))
      return false
    } finally {
      saving.delete(key)
    }
  }

  return { isSaving, save }
})
