import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { shallowReactive } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { confirm } from '../../ui/confirm'
import { toastFailed } from '../../ui/toasts'
import { useWords } from '../layout/useWords'
import { useDirectory } from '../stores/directory'
import { useDrafts } from '../stores/drafts'
import { useOutbox } from '../stores/outbox'

/** Ends a conversation after asking; says first what would be lost. */
export function useClosing() {
  const directory = useDirectory()
  const drafts = useDrafts()
  const outbox = useOutbox()
  const { customerName } = useWords()
  /** The conversations that are being ended. */
  const ending = shallowReactive(new Set<Id>())

  async function end(conversation: Conversation): Promise<void> {
    const body = [t('conversations.end.text')]
    if (outbox.entries.some((entry) => entry.conversation_id === conversation.id)) body.push(t('conversations.end.pending'))
    if (drafts.read(conversation.id).trim() !== '') body.push(t('conversations.end.draft'))
    const yes = await confirm({
      title: t('conversations.end.title', { name: customerName(conversation) }),
      body: body.join(' '),
      confirm: t('conversations.end.confirm'),
      cancel: t('conversations.end.cancel'),
      danger: false,
    })
    if (!yes || ending.has(conversation.id)) return
    ending.add(conversation.id)
    try {
      directory.accept(await api.end(conversation.id))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toastFailed(error, t('conversations.end.failed'))
    } finally {
      ending.delete(conversation.id)
    }
  }

  return { ending, end }
}
