import { useEventListener } from '@vueuse/core'
import { onReconnect } from '../live'
import { reportSurprise } from '../ui/report'

/** Asks again when somebody comes back to this page, and when the line is back: for what no frame tells of. */
export function useLookAgain(ask: () => Promise<void>): void {
  const quietly = (): void => { ask().catch(reportSurprise) }
  useEventListener(window, 'focus', quietly)
  onReconnect(quietly)
}
