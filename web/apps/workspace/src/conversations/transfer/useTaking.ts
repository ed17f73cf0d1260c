import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { shallowRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { usePresence } from '../../stores/presence'
import { confirm } from '../../ui/confirm'
import { toastFailed, toastProblem } from '../../ui/toasts'
import { useAlerts } from '../alerts/alerts'
import { useWords } from '../layout/useWords'
import { useList } from '../list/useList'
import { useDirectory } from '../stores/directory'
import { beyondMaximum } from './beyond'

/** Taking from the queue, taking over from a colleague, joining and leaving; `show` opens what became mine, `write` puts the cursor where I may write now. */
export function useTaking(show: (id: Id) => void, write: (id: Id) => void) {
  const directory = useDirectory()
  const alerts = useAlerts()
  const presence = usePresence()
  const { customerName, agentName } = useWords()
  const { choose } = useList()
  /** The conversation that is being taken, joined or left. */
  const busy = shallowRef<Id | null>(null)

  async function act(conversation: Conversation, failed: string, work: () => Promise<void>): Promise<void> {
    if (busy.value !== null) return
    busy.value = conversation.id
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const own = presence.own
      if (error.code === 'limit_reached' && own) toastProblem(t('routing.beyond.refused', { open: own.open, maximum: own.maximum }))
      else toastFailed(error, failed)
      if (error.code === 'already_taken' || error.status === 404) await look(conversation)
    } finally {
      busy.value = null
    }
  }

  /** Somebody else was quicker: what the lists show of it is brought in step. */
  async function look(conversation: Conversation): Promise<void> {
    directory.leave(conversation.id, 'queue')
    try {
      await directory.refresh(conversation.id)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404) directory.gone.add(conversation.id)
    }
  }

  function becomeMine(taken: Conversation | null): void {
    if (taken === null) return
    directory.accept(taken)
    choose('mine')
    show(taken.id)
    write(taken.id)
  }

  function take(conversation: Conversation): Promise<void> {
    return act(conversation, t('conversations.take.failed'), () => alerts.expecting(conversation.id, async () => {
      becomeMine(await beyondMaximum((beyond) => api.take(conversation.id, beyond)))
    }))
  }

  async function takeOver(conversation: Conversation): Promise<void> {
    const name = agentName(conversation, conversation.assignee_id)
    const yes = await confirm({
      title: t('routing.takeOver.title', { name: customerName(conversation) }),
      body: t('routing.takeOver.text', { agent: name }),
      confirm: t('routing.takeOver.confirm'),
      cancel: t('common.action.cancel'),
      danger: false,
    })
    if (!yes) return
    await act(conversation, t('routing.takeOver.failed'), () => alerts.expecting(conversation.id, async () => {
      becomeMine(await beyondMaximum((beyond) => api.takeOver(conversation.id, beyond)))
    }))
  }

  function join(conversation: Conversation): Promise<void> {
    return act(conversation, t('routing.join.failed'), async () => {
      directory.accept(await api.join(conversation.id))
      write(conversation.id)
    })
  }

  function leave(conversation: Conversation): Promise<void> {
    return act(conversation, t('routing.join.leaveFailed'), async () => {
      directory.accept(await api.leave(conversation.id))
      write(conversation.id)
    })
  }

  return { busy, take, takeOver, join, leave }
}
