import { ApiError, type CustomerChange } from '@qiatan/api'
import type { ConversationContext } from '../model/types'
import { useThread } from '../stores/thread'

type Customer = ConversationContext['customer']

/** Changes the customer on the screen. */
export function useCard() {
  const thread = useThread()

  /**
   * Sends what `make` asks for of the customer as known. Where somebody changed the customer meanwhile, `make` is asked once more with the
   * newest; it answers null when that is not to be overwritten unseen. Throws `ApiError`.
   */
  async function change(make: (customer: Customer) => Omit<CustomerChange, 'version'> | null): Promise<void> {
    const before = thread.context?.customer
    const first = before ? make(before) : null
    if (!before || !first) return
    try {
      await thread.changeCustomer({ ...first, version: before.version })
    } catch (error) {
      const now = thread.context?.customer
      if (!(error instanceof ApiError) || error.code !== 'version_conflict' || now?.id !== before.id) throw error
      const second = make(now)
      if (!second) throw error
      await thread.changeCustomer({ ...second, version: now.version })
    }
  }

  return { change }
}
