import { readonly, ref } from 'vue'
import { t } from '../i18n'
import { errorText } from './errors'

export interface Toast {
  id: number
  kind: 'done' | 'failed'
  text: string
  /** What can still be done about it while it is shown. */
  action?: ToastAction
}

export interface ToastAction {
  text: string
  run: () => void
}

export type Holder = 'pointer' | 'focus'

const SHOWN_MS = 6_000
const AT_MOST = 4
const shown = ref<Toast[]>([])
const timers = new Map<number, ReturnType<typeof setTimeout>>()
/** What rests on which toast. */
const held = new Map<number, Set<Holder>>()
let last = 0

export const toasts = readonly(shown)

export function dismiss(id: number): void {
  clearTimeout(timers.get(id))
  timers.delete(id)
  held.delete(id)
  shown.value = shown.value.filter((toast) => toast.id !== id)
}

function dismissLater(id: number): void {
  clearTimeout(timers.get(id))
  timers.set(id, setTimeout(() => dismiss(id), SHOWN_MS))
}

/** The pointer or the focus rests on it: it stays until both have left. */
export function hold(id: number, by: Holder): void {
  clearTimeout(timers.get(id))
  held.set(id, new Set([...held.get(id) ?? [], by]))
}

export function release(id: number, by: Holder): void {
  held.get(id)?.delete(by)
  if ((held.get(id)?.size ?? 0) === 0) dismissLater(id)
}

function show(kind: Toast['kind'], text: string, action?: ToastAction): void {
  last += 1
  shown.value = [...shown.value.slice(1 - AT_MOST), { id: last, kind, text, ...(action ? { action } : {}) }]
  dismissLater(last)
}

/** Says at the lower left that something was done. */
export function toastDone(text: string, action?: ToastAction): void {
  show('done', text, action)
}

/** Says at the lower left why something was not done, in words of the page's own. */
export function toastProblem(text: string, action?: ToastAction): void {
  show('failed', text, action)
}

/** Says at the lower left what failed and why. */
export function toastFailed(error: unknown, prefix = ''): void {
  show('failed', prefix === '' ? errorText(error) : t('common.because', { what: prefix, why: errorText(error) }))
}
