import { useEventListener, useResizeObserver } from '@vueuse/core'
import { nextTick, shallowRef, type Ref } from 'vue'

/** Closer to the end than this counts as being there. */
const NEAR_END = 48
/** Closer to the beginning than this, earlier messages are asked for. */
const NEAR_TOP = 800

export interface ThreadScroll {
  atEnd: Readonly<Ref<boolean>>
  /** Call before the messages change, and `restore` after they were drawn. */
  remember: () => void
  restore: () => void
  toEnd: () => void
  /** What is read is no longer the end: what arrives must not pull it along. */
  leaveEnd: () => void
  /** Brings one element near the top; to the end where everything below it fits, and where there is no such element. */
  toElement: (selector: string) => boolean
  /** Whether an element lies above what is in view. */
  isAbove: (selector: string) => boolean
  /** The highest seq of a conversation that is wholly in view. */
  seenSeq: (conversationId: string) => number
}

/**
 * Keeps the place where the agent reads: at the end it follows what arrives, anywhere else nothing moves, whether messages come
 * in below or earlier ones above.
 */
export function useThreadScroll(scroller: Readonly<Ref<HTMLElement | null>>, content: Readonly<Ref<HTMLElement | null>>, onMove: (nearTop: boolean) => void): ThreadScroll {
  const atEnd = shallowRef(true)
  let anchor: { element: HTMLElement; offset: number } | null = null

  function measure(): void {
    const box = scroller.value
    if (!box) return
    atEnd.value = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END
    onMove(box.scrollTop < NEAR_TOP)
  }

  function toEnd(): void {
    const box = scroller.value
    if (!box) return
    box.scrollTop = box.scrollHeight
    atEnd.value = true
  }

  function leaveEnd(): void {
    atEnd.value = false
  }

  function remember(): void {
    const box = scroller.value
    anchor = null
    if (!box || !content.value || atEnd.value) return
    const { top, height } = box.getBoundingClientRect()
    for (const element of content.value.querySelectorAll<HTMLElement>('[data-seq]')) {
      const offset = element.getBoundingClientRect().top - top
      if (offset < 0) continue
      // Nothing that is drawn is in view, so there is nothing to hold in its place.
      if (offset > height) return
      anchor = { element, offset }
      return
    }
  }

  function restore(): void {
    const box = scroller.value
    if (!box) return
    if (atEnd.value) toEnd()
    else if (anchor?.element.isConnected) {
      const moved = anchor.element.getBoundingClientRect().top - box.getBoundingClientRect().top - anchor.offset
      // Setting the place again where nothing moved would stop a scroll that is under way.
      if (Math.abs(moved) >= 0.5) box.scrollTop += moved
    }
    measure()
  }

  function toElement(selector: string): boolean {
    const box = scroller.value
    const element = content.value?.querySelector<HTMLElement>(selector)
    if (!box || !element) {
      toEnd()
      return false
    }
    box.scrollTop += element.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 4
    measure()
    return true
  }

  function isAbove(selector: string): boolean {
    const box = scroller.value
    const element = content.value?.querySelector<HTMLElement>(selector)
    return Boolean(box && element && element.getBoundingClientRect().bottom < box.getBoundingClientRect().top)
  }

  function seenSeq(conversationId: string): number {
    const box = scroller.value
    if (!box || !content.value) return 0
    const end = box.getBoundingClientRect().bottom + 4
    const elements = [...content.value.querySelectorAll<HTMLElement>(`[data-seq][data-conversation="${CSS.escape(conversationId)}"]`)]
    const last = elements.findLast((element) => element.getBoundingClientRect().bottom <= end)
    return Number(last?.dataset['seq'] ?? 0)
  }

  useEventListener(scroller, 'scroll', measure, { passive: true })
  useResizeObserver(content, () => { if (atEnd.value) toEnd() })
  useResizeObserver(scroller, () => {
    if (atEnd.value) toEnd()
    void nextTick(measure)
  })

  return { atEnd, remember, restore, toEnd, leaveEnd, toElement, isAbove, seenSeq }
}
