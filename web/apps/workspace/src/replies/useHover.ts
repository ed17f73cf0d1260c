import type { ReplyBrief } from '@qiatan/api'
import { useEventListener } from '@vueuse/core'
import { onScopeDispose, shallowRef, type Ref } from 'vue'

const AFTER_MS = 250

export interface Hovered {
  reply: ReplyBrief
  row: HTMLElement
}

/** The row the pointer rests on; the keyboard's choice shows at once. Gone with scrolling, which moves the rows away from under it. */
export function useHover(): { over: Readonly<Ref<Hovered | null>>; enter: (reply: ReplyBrief, row: EventTarget | null) => void; show: (reply: ReplyBrief, row: Element | null) => void; leave: () => void } {
  const over = shallowRef<Hovered | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined

  function enter(reply: ReplyBrief, row: EventTarget | null): void {
    clearTimeout(timer)
    if (!(row instanceof HTMLElement) || !window.matchMedia('(hover: hover)').matches) return
    // From one row to the next there is no wait.
    timer = setTimeout(() => { over.value = { reply, row } }, over.value ? 0 : AFTER_MS)
  }

  function show(reply: ReplyBrief, row: Element | null): void {
    clearTimeout(timer)
    if (row instanceof HTMLElement) over.value = { reply, row }
  }

  function leave(): void {
    clearTimeout(timer)
    over.value = null
  }

  useEventListener(document, 'scroll', leave, { capture: true, passive: true })
  onScopeDispose(() => clearTimeout(timer))
  return { over, enter, show, leave }
}
