import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { shallowReactive } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastDone, toastFailed } from '../../ui/toasts'
import { useDirectory } from '../stores/directory'

/** Asks the customer what they think of the service. */
export function useInviting() {
  const directory = useDirectory()
  /** The conversations whose customers are being asked. */
  const inviting = shallowReactive(new Set<Id>())

  async function invite(conversation: Conversation): Promise<void> {
    if (inviting.has(conversation.id)) return
    inviting.add(conversation.id)
    try {
      directory.accept(await api.inviteEvaluation(conversation.id))
      toastDone(t('evaluation.invited'))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('evaluation.inviteFailed'))
    } finally {
      inviting.delete(conversation.id)
    }
  }

  return { inviting, invite }
}
