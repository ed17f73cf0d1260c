import type { TransferOffer } from '@qiatan/api'
import { t } from '../../i18n'
import { toastDone, toastProblem } from '../../ui/toasts'
import { shownName } from '../layout/customerName'

/** Says what became of an offer: to who asked, always; to who was asked, where somebody else ended it. */
export function offerTold(offer: TransferOffer, myId: string): void {
  const isMine = offer.from_agent_id === myId
  const words = { to: offer.to_name, from: offer.from_agent_name, customer: shownName(offer.customer_name) }
  switch (offer.state) {
    case 'accepted':
      if (isMine) toastDone(t('routing.offer.accepted', words))
      break
    case 'refused':
      if (isMine) toastProblem(t('routing.offer.refused', words))
      break
    case 'expired':
      toastProblem(t(isMine ? 'routing.offer.expired' : 'routing.offer.expiredHere', words))
      break
    case 'withdrawn':
      if (!isMine) toastProblem(t('routing.offer.withdrawn', words))
      break
    default:
  }
}
