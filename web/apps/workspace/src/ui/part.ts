import { defineAsyncComponent, type Component, type ComponentPublicInstance } from 'vue'
import { t } from '../i18n'
import { fetchMissedStyles } from './missedStyles'
import { toastProblem } from './toasts'

/** The file of a part could not be fetched. The page around it is whole. */
export class PartMissing extends Error {
  constructor(cause: unknown) {
    super('a part of the page could not be fetched', { cause })
  }
}

/** A part of a page that is fetched when it is first shown. */
export function part<T extends Component>(load: () => Promise<{ default: T }>): T {
  return defineAsyncComponent(() => fetchMissedStyles().then(load).catch((cause: unknown) => { throw new PartMissing(cause) }))
}

/** Says that something could not be fetched. What another version has put in its place is known to a page that is loaded anew. */
export function toastMissing(): void {
  toastProblem(t('common.state.missing'), { text: t('common.state.reload'), run: () => window.location.reload() })
}

/** Tells that a part is missing, and whoever showed it that it is not there (`missing`) or closed: the next press fetches it again. */
export function tellMissing(shown: ComponentPublicInstance | null): void {
  if (!shown || shown.$.isUnmounted) return
  toastMissing()
  const { onMissing, onClose, 'onUpdate:modelValue': onUpdate } = shown.$attrs
  if (typeof onMissing === 'function') onMissing()
  else if (typeof onClose === 'function') onClose()
  else if (typeof onUpdate === 'function') onUpdate(false)
}
