import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { shallowReactive } from 'vue'
import { useRouter } from 'vue-router'
import { api } from '../../api'
import { t } from '../../i18n'
import { usePresence } from '../../stores/presence'
import { confirm } from '../../ui/confirm'
import { toastDone, toastFailed, toastProblem } from '../../ui/toasts'
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
  const router = useRouter()
  /** The conversations that are being taken, joined or left. */
  const busy = shallowReactive(new Set<Id>())

  async function act(conversation: Conversation, failed: string, work: () => Promise<void>): Promise<void> {
    if (busy.has(conversation.id)) return
    busy.add(conversation.id)
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const own = presence.own
      if (error.code === 'limit_reached' && own) toastProblem(t('routing.beyond.refused', { open: own.open, maximum: own.maximum }))
      else toastFailed(error, failed)
      if (error.code === 'already_taken' || error.status === 404) await look(conversation)
    } finally {
      busy.delete(conversation.id)
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

  /** Opens what has become mine, and says so only to whoever has gone on meanwhile: their next key must not land in it. */
  async function becomeMine({ id }: Conversation, work: (beyond: boolean) => Promise<Conversation>): Promise<void> {
    const { path } = router.currentRoute.value
    const taken = await beyondMaximum(work)
    if (taken === null) return
    directory.accept(taken)
    const now = router.currentRoute.value
    if (now.path !== path && now.params['id'] !== id) return toastTaken(taken)
    choose('mine')
    show(id)
    write(id)
  }

  function toastTaken(taken: Conversation): void {
    const open = (): void => {
      choose('mine')
      void router.push({ name: 'conversations', params: { id: taken.id } })
    }
    toastDone(t('conversations.take.done', { name: customerName(taken) }), { text: t('conversations.take.open'), run: open })
  }

  function take(conversation: Conversation): Promise<void> {
    return act(conversation, t('conversations.take.failed'), () => alerts.expecting(conversation.id, () =>
      becomeMine(conversation, (beyond) => api.take(conversation.id, beyond))))
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
    await act(conversation, t('routing.takeOver.failed'), () => alerts.expecting(conversation.id, () =>
      becomeMine(conversation, (beyond) => api.takeOver(conversation.id, beyond))))
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
