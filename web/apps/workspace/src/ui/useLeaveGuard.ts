import { useEventListener } from '@vueuse/core'
import { onBeforeRouteLeave, onBeforeRouteUpdate } from 'vue-router'
import { t } from '../i18n'
import { useSession } from '../stores/session'
import { confirm } from './confirm'

/** Asks before unsaved changes are lost: inside the app with a dialog, when the page is closed with the browser's own. */
export function useLeaveGuard(unsaved: () => boolean): void {
  const session = useSession()
  const mayLeave = async (): Promise<boolean> => {
    // A session that ended takes the page along: there is nobody to save for.
    if (!unsaved() || !session.me) return true
    return confirm({
      title: t('common.unsaved.title'),
      body: t('common.unsaved.body'),
      confirm: t('common.action.leave'),
      cancel: t('common.action.stay'),
      danger: true,
    })
  }
  onBeforeRouteLeave(mayLeave)
  onBeforeRouteUpdate(async (to, from) => (to.path === from.path ? true : mayLeave()))
  useEventListener(window, 'beforeunload', (event) => {
    if (unsaved()) event.preventDefault()
  })
}
