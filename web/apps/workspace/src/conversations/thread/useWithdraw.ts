import { ApiError } from '@qiatan/api'
import { uuidv7, type Message } from '@qiatan/live'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastFailed } from '../../ui/toasts'
import { useOwn } from '../stores/own'

/** Takes a message of mine back. The server decides whether it is still possible; the page shows the result at once. */
export function useWithdraw(): (message: Message) => Promise<void> {
  const accept = useOwn()
  /** What is on its way: asked for twice, it would be refused the second time. */
  const underWay = new Set<string>()

  return async (message) => {
    const key = `${message.conversation_id} ${message.seq}`
    if (underWay.has(key)) return
    underWay.add(key)
    try {
      const ack = await api.withdraw(message.conversation_id, message.seq, uuidv7())
      const withdrawal: Message = {
        conversation_id: message.conversation_id,
        seq: ack.seq,
        kind: 'withdrawal',
        sender_kind: 'agent',
        sender_id: message.sender_id,
        client_message_id: ack.client_message_id,
        at: ack.at,
        text: null,
        data: { ref_seq: message.seq },
        withdrawn: false,
      }
      accept(withdrawal)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('conversations.thread.withdrawFailed'))
    } finally {
      underWay.delete(key)
    }
  }
}
