import { ApiError, type Id, type Message } from '@qiatan/api'
import { uuidv7 } from '@qiatan/live'
import { shallowRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { useSession } from '../../stores/session'
import { toastFailed } from '../../ui/toasts'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'

/** Writes internal notes. One that may have arrived is sent again under the same number, so that it is stored once. */
export function useNote() {
  const session = useSession()
  const directory = useDirectory()
  const thread = useThread()
  const sending = shallowRef(false)
  let tried: { of: Id; text: string; id: Id } | null = null

  /** Whether the server has stored it; why not is told. */
  async function write(of: Id, text: string): Promise<boolean> {
    if (sending.value) return false
    if (tried?.of !== of || tried.text !== text) tried = { of, text, id: uuidv7() }
    sending.value = true
    try {
      const ack = await api.writeNote(of, { client_message_id: tried.id, text })
      tried = null
      const note: Message = {
        conversation_id: of, seq: ack.seq, kind: 'note', sender_kind: 'agent', sender_id: session.agent?.id ?? null,
        client_message_id: ack.client_message_id, at: ack.at, text, data: null, withdrawn: false,
      }
      directory.applyMessage(note)
      thread.apply(note)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('routing.note.failed'))
      return false
    } finally {
      sending.value = false
    }
  }

  return { sending, write }
}
