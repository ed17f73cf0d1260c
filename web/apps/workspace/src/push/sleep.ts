import { useEventListener, useMediaQuery } from '@vueuse/core'
import { shallowRef, watch } from 'vue'
import { live } from '../live'
import { useSession } from '../stores/session'
import { reportSurprise } from '../ui/report'

/**
 * A phone freezes a page that is not looked at, and the line with it. Where this browser is called, the server is told before: its agent
 * stays present, colleagues see that the phone sleeps, and what comes rings.
 */
export function useSleep(): void {
  const session = useSession()
  const phone = useMediaQuery('(hover: none) and (pointer: coarse)')
  const called = shallowRef(false)

  async function look(): Promise<void> {
    if (!phone.value || session.readOnly || !session.can('conversations.serve')) return
    const { isPushOn } = await import('./push')
    called.value = await isPushOn()
  }

  function tell(): void {
    const hidden = document.visibilityState === 'hidden'
    if (!phone.value || (hidden && !called.value)) return
    live.send({ type: 'page', asleep: hidden })
  }

  useEventListener(document, 'visibilitychange', () => {
    tell()
    // It may have been switched on or off on the settings page, or by the browser.
    if (document.visibilityState === 'visible') look().catch(reportSurprise)
  })
  watch(live.state, (state) => { if (state === 'open') tell() })
  look().catch(reportSurprise)
}
