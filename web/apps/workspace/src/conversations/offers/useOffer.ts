import { ApiError, type TransferOffer } from '@qiatan/api'
import { shallowRef } from 'vue'
import { useRouter } from 'vue-router'
import { api } from '../../api'
import { t } from '../../i18n'
import { toastDone, toastFailed } from '../../ui/toasts'
import { useAlerts } from '../alerts/alerts'
import { customerName } from '../layout/customerName'
import { useDirectory } from '../stores/directory'
import { useOffers } from '../stores/offers'
import { beyondMaximum } from '../transfer/beyond'

/** Answers a transfer that was offered to me, or takes back one of mine. */
export function useOffer() {
  const offers = useOffers()
  const directory = useDirectory()
  const alerts = useAlerts()
  const router = useRouter()
  /** The offer that is being answered. */
  const busy = shallowRef<string | null>(null)

  async function act(offer: TransferOffer, work: () => Promise<void>, failed: string): Promise<void> {
    if (busy.value !== null) return
    busy.value = offer.id
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.code === 'offer_gone' || error.status === 404) offers.finish(offer.id)
      toastFailed(error, failed)
    } finally {
      busy.value = null
    }
  }

  /** What was accepted opens, unless the agent has gone on meanwhile: their next key must not land in it. */
  function accept(offer: TransferOffer): Promise<void> {
    const { path } = router.currentRoute.value
    return act(offer, () => alerts.expecting(offer.conversation_id, async () => {
      const taken = await beyondMaximum((beyond) => api.acceptOffer(offer.id, beyond))
      if (taken === null) return
      offers.finish(offer.id)
      directory.accept(taken)
      if (router.currentRoute.value.path !== path) return toastDone(t('conversations.take.done', { name: customerName(taken.customer) }))
      offers.accepted = taken.id
      await router.push({ name: 'conversations', params: { id: taken.id } })
    }), t('routing.offer.acceptFailed'))
  }

  function refuse(offer: TransferOffer): Promise<void> {
    return act(offer, async () => {
      await api.refuseOffer(offer.id)
      offers.finish(offer.id)
    }, t('routing.offer.refuseFailed'))
  }

  function withdraw(offer: TransferOffer): Promise<void> {
    return act(offer, async () => {
      await api.withdrawOffer(offer.id)
      offers.finish(offer.id)
    }, t('routing.offer.withdrawFailed'))
  }

  return { busy, accept, refuse, withdraw }
}
