import { ApiError, type Conversation } from '@qiatan/api'
import { shallowRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastDone, toastFailed } from '../../ui/toasts'
import { useDirectory } from '../stores/directory'

/** Asks the customer what they think of the service. */
export function useInviting() {
  const directory = useDirectory()
  const inviting = shallowRef(false)

  async function invite(conversation: Conversation): Promise<void> {
    inviting.value = true
    try {
      directory.accept(await api.inviteEvaluation(conversation.id))
      toastDone(t('evaluation.invited'))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('evaluation.inviteFailed'))
    } finally {
      inviting.value = false
    }
  }

  return { inviting, invite }
}
