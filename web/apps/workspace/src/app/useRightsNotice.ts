import { watch } from 'vue'
import { t } from '../i18n'
import { useSession } from '../stores/session'
import { pointInModule } from '../ui/access'
import { toastDone, toastProblem } from '../ui/toasts'

const MOST_NAMED = 3

function names(points: readonly string[]): string {
  const named = points.slice(0, MOST_NAMED).map(pointInModule).join(t('own.rights.and'))
  return points.length > MOST_NAMED ? t('own.rights.more', { names: named, count: points.length }) : named
}

/** Says in words when the account may do less, more, or the same elsewhere, the moment the page learns of it. */
export function useRightsNotice(): void {
  const session = useSession()
  watch(() => session.rightsChange, (change) => {
    if (change === null) return
    if (change.lost.length > 0) toastProblem(t('own.rights.lost', { names: names(change.lost) }))
    if (change.gained.length > 0) toastDone(t('own.rights.gained', { names: names(change.gained) }))
    if (change.scope && change.lost.length === 0 && change.gained.length === 0) toastProblem(t('own.rights.scope'))
  })
}
