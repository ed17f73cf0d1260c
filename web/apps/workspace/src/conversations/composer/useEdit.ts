import { ApiError } from '@qiatan/api'
import { uuidv7, type Message } from '@qiatan/live'
import { shallowRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastFailed } from '../../ui/toasts'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'

/** Changes what a message of mine says. The server decides whether it is still possible; the page shows the result at once. */
export function useEdit() {
  const thread = useThread()
  const directory = useDirectory()
  const saving = shallowRef(false)
  let tried: { seq: number; text: string; id: string } | null = null

  /** Whether the server has taken it; why not is told. */
  async function save(message: Message, text: string): Promise<boolean> {
    if (saving.value) return false
    if (tried?.seq !== message.seq || tried.text !== text) tried = { seq: message.seq, text, id: uuidv7() }
    saving.value = true
    try {
      const ack = await api.edit(message.conversation_id, message.seq, { client_message_id: tried.id, text })
      tried = null
      const edit: Message = {
        conversation_id: message.conversation_id, seq: ack.seq, kind: 'edit', sender_kind: 'agent', sender_id: message.sender_id,
        client_message_id: ack.client_message_id, at: ack.at, text, data: { seq: message.seq }, withdrawn: false,
      }
      thread.apply(edit)
      directory.applyMessage(edit)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('talk.editFailed'))
      return false
    } finally {
      saving.value = false
    }
  }

  return { saving, save }
}
