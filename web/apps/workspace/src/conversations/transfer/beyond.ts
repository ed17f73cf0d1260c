import { ApiError, type Conversation } from '@qiatan/api'
import { t } from '../../i18n'
import { usePresence } from '../../stores/presence'
import { useSession } from '../../stores/session'
import { confirm } from '../../ui/confirm'

/**
 * Takes a conversation; where my maximum is reached and I may pass it, asks first. Null: I was asked and would rather not.
 * Throws what the server refused, `limit_reached` too where I may not pass the maximum.
 */
export async function beyondMaximum(work: (beyond: boolean) => Promise<Conversation>): Promise<Conversation | null> {
  try {
    return await work(false)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'limit_reached' || !useSession().can('conversations.exceed_maximum')) throw error
  }
  const own = usePresence().own
  const open = own?.open ?? 0
  const maximum = own?.maximum ?? 0
  const yes = await confirm({
    title: t('routing.beyond.title', { open, maximum }),
    body: t('routing.beyond.text', { next: open + 1, maximum }),
    confirm: t('routing.beyond.confirm'),
    cancel: t('routing.beyond.cancel'),
    danger: false,
  })
  return yes ? work(true) : null
}
