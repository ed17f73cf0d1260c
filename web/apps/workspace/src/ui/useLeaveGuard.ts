import { useEventListener } from '@vueuse/core'
import { onBeforeRouteLeave, onBeforeRouteUpdate } from 'vue-router'
import { t } from '../i18n'
import { confirm } from './confirm'

/** Asks before unsaved changes are lost: inside the app with a dialog, when the page is closed with the browser's own. */
export function useLeaveGuard(unsaved: () => boolean): void {
  const mayLeave = async (): Promise<boolean> => {
    if (!unsaved()) return true
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
