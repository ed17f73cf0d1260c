import { computed, shallowRef, watch, type Ref } from 'vue'
import { guessedHeight, type Block } from '../model/blocks'

/** In heights of the view: what lies this near is drawn; what is drawn is left out again only when it lies farther than `KEEP`. */
const DRAW = 1.5
const KEEP = 3
/** The newest blocks are always drawn: a conversation opens, and is followed, at its end. In heights of the window, and a guess. */
const TAIL = 0.8

export interface ThreadWindow {
  isDrawn: (block: Block, index: number) => boolean
  /** The height that holds the place of a block that is not drawn. */
  heightOf: (block: Block) => number
  /** Call when the view moved or the thread was drawn again. `margin`: how far from the view what is drawn may lie, in its heights. */
  update: (margin?: number) => void
  /** Draws the block of one message, wherever it lies, so that it can be scrolled to. */
  draw: (key: string) => void
}

/**
 * Draws only the blocks around the view, so that a thread of thousands of messages is as light as a short one. The others keep their
 * place by their measured height; where a guess was wrong, the anchor of `useThreadScroll` keeps what is read in its place.
 */
export function useThreadWindow(scroller: Readonly<Ref<HTMLElement | null>>, content: Readonly<Ref<HTMLElement | null>>, blocks: Readonly<Ref<readonly Block[]>>): ThreadWindow {
  const drawn = shallowRef<ReadonlySet<string>>(new Set())
  const heights = new Map<string, number>()
  /** The block that is about to be scrolled to: however far it lies, it stays drawn until the view has come to it. */
  let awaited: string | null = null

  const tail = computed(() => tailOf(blocks.value))

  function isDrawn(block: Block, index: number): boolean {
    return block.hasNew || index >= tail.value || drawn.value.has(block.key)
  }

  function heightOf(block: Block): number {
    return heights.get(block.key) ?? guessedHeight(block)
  }

  function update(margin = DRAW): void {
    const box = scroller.value
    if (!box || !content.value || box.clientHeight === 0) return
    const elements = [...content.value.querySelectorAll<HTMLElement>(':scope > [data-block]')]
    const view = box.getBoundingClientRect()
    const inUse = document.activeElement?.closest<HTMLElement>('[data-block]')?.dataset['block']
    const next = new Set<string>()
    for (let index = firstBelow(elements, view.top - KEEP * view.height); index < elements.length; index += 1) {
      const element = elements[index]
      const key = element?.dataset['block']
      if (!element || key === undefined) continue
      const rect = element.getBoundingClientRect()
      if (rect.top > view.bottom + KEEP * view.height) break
      const isNear = rect.bottom >= view.top - margin * view.height && rect.top <= view.bottom + margin * view.height
      if (isNear || drawn.value.has(key)) next.add(key)
      if (isNear && key === awaited) awaited = null
    }
    if (awaited !== null) next.add(awaited)
    if (inUse !== undefined) next.add(inUse)
    if (same(next, drawn.value)) return
    measureLeft(elements, next)
    drawn.value = next
  }

  /** Remembers how high the blocks are that are about to be left out. */
  function measureLeft(elements: readonly HTMLElement[], next: ReadonlySet<string>): void {
    for (const element of elements) {
      const key = element.dataset['block'] ?? ''
      if (drawn.value.has(key) && !next.has(key)) heights.set(key, element.getBoundingClientRect().height)
    }
  }

  // Blocks that fall out of the tail as messages come in stay drawn until the view has moved away from them.
  watch(blocks, (now, before) => {
    const added = before.slice(tailOf(before)).map((block) => block.key).filter((key) => !drawn.value.has(key) && now.some((block) => block.key === key))
    if (added.length > 0) drawn.value = new Set([...drawn.value, ...added])
  })

  function draw(key: string): void {
    awaited = key
    drawn.value = new Set([...drawn.value, key])
  }

  return { isDrawn, heightOf, update, draw }
}

/** The index of the first of the newest blocks. */
function tailOf(blocks: readonly Block[]): number {
  let index = blocks.length
  let room = TAIL * window.innerHeight
  for (const block of blocks.toReversed()) {
    if (room <= 0) break
    room -= guessedHeight(block)
    index -= 1
  }
  return index
}

/** The index of the first element whose end lies below `top`. They stand one below the other. */
function firstBelow(elements: readonly HTMLElement[], top: number): number {
  let low = 0
  let high = elements.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((elements[middle]?.getBoundingClientRect().bottom ?? 0) < top) low = middle + 1
    else high = middle
  }
  return low
}

function same(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key))
}
