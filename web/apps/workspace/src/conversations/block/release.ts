import { ApiError, type Id } from '@qiatan/api'
import { api } from '../../api'
import { t, tn } from '../../i18n'
import { toastDone, toastFailed, toastProblem } from '../../ui/toasts'

/** What one call takes. */
export const MOST_RELEASED = 100

/** Takes customers off the blacklist and says so. Answers who is off it now; what failed has been told. */
export async function releaseCustomers(customers: readonly { id: Id; name: string }[]): Promise<ReadonlySet<Id>> {
  const released = new Set<Id>()
  let failed = false
  try {
    for (let from = 0; from < customers.length; from += MOST_RELEASED) {
      const part = await api.releaseCustomers(customers.slice(from, from + MOST_RELEASED).map((one) => one.id))
      for (const id of part) released.add(id)
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    toastFailed(error, t('customers.block.notReleased'))
    failed = true
  }
  const [only] = customers
  if (released.size > 0) toastDone(customers.length === 1 && only ? t('customers.block.released', { name: only.name }) : tn('customers.block.releasedMany', released.size))
  else if (!failed && customers.length > 0) toastProblem(t('customers.block.notInScope'))
  return released
}
