import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { Timeline } from '@qiatan/live'
import { computed, shallowRef } from 'vue'
import { api } from '../../api'
import type { Stretch } from '../model/thread'
import type { Beside } from './beside'
import type { Screen } from './screen'
import { KEPT_MESSAGES, LONGEST, messagePage } from './timelines'

/** How many earlier conversations the context names at most; further ones are asked for page by page. */
const CONTEXT_EARLIER = 20

/** What lies above the conversation on the screen: its own earlier messages, then the same customer's earlier conversations. */
export function useAbove(screen: Screen, beside: Beside) {
  const earlier = shallowRef<readonly Stretch[]>([])
  const earlierPhase = shallowRef<'idle' | 'loading' | 'failed' | 'done'>('idle')
  /** Earlier conversations beyond those the context names. */
  const further = shallowRef<readonly Conversation[]>([])
  let furtherNext: string | null | undefined
  /** Earlier conversations the server does not let this agent read. */
  const closed = shallowRef<ReadonlySet<Id>>(new Set())
  let above: Timeline[] = []
  /** How many are loading upward to a message: what they have loaded must not be forgotten meanwhile. */
  let reaching = 0

  /** The same customer's conversations before this one, newest first. */
  const history = computed<Conversation[]>(() => {
    const shown = screen.conversation.value
    return (beside.context.value?.earlier ?? []).filter((one) => one.id !== shown?.id)
  })
  const before = computed<Conversation[]>(() => {
    const shown = screen.conversation.value
    const all = [...history.value, ...further.value.filter((one) => !history.value.some(({ id: known }) => known === one.id))]
    return shown ? all.filter((one) => one.created_at < shown.created_at && one.head > 0 && !closed.value.has(one.id)) : []
  })

  /** Loads what comes before the first message shown: of this conversation, whose timeline it is given, then of the customer's earlier ones. */
  async function load(current: Timeline): Promise<void> {
    const mine = screen.turn
    if (earlierPhase.value === 'loading' || earlierPhase.value === 'done') return
    earlierPhase.value = 'loading'
    try {
      await stepUp(current)
      if (mine === screen.turn) earlierPhase.value = 'idle'
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      if (mine === screen.turn) earlierPhase.value = 'failed'
      return
    }
    if (mine === screen.turn && beside.context.value && isAtBeginning(current)) earlierPhase.value = 'done'
  }

  async function stepUp(current: Timeline): Promise<void> {
    const mine = screen.turn
    const topmost = above.at(-1) ?? current
    if (topmost.hasEarlier) {
      await topmost.loadEarlier()
      show()
      return
    }
    await beside.needContext()
    while (!before.value[above.length] && await loadFurther(mine));
    const next = before.value[above.length]
    if (!next || mine !== screen.turn) return
    const timeline = new Timeline({ conversationId: next.id, fetch: (query) => messagePage(next.id, query), onChange: show })
    try {
      await timeline.open(next.head)
    } catch (failure) {
      timeline.dispose()
      // Served by somebody outside this agent's scope: it is left out, and the one before it comes next.
      if (!(failure instanceof ApiError) || failure.status !== 404) throw failure
      closed.value = new Set([...closed.value, next.id])
      return
    }
    if (mine !== screen.turn) {
      timeline.dispose()
      return
    }
    above = [...above, timeline]
    show()
  }

  /** Asks for a page of conversations that lie before those the context names. Answers whether there was one. */
  async function loadFurther(mine: number): Promise<boolean> {
    const shown = beside.context.value
    const of = screen.id.value
    if (!shown || of === null || furtherNext === null || shown.earlier.length < CONTEXT_EARLIER || mine !== screen.turn) return false
    const found = await api.earlier(of, furtherNext ?? null)
    if (mine !== screen.turn) return false
    furtherNext = found.next
    further.value = [...further.value, ...found.items.filter((one) => one.id !== of)]
    return true
  }

  function isAtBeginning(current: Timeline): boolean {
    const topmost = above.at(-1) ?? current
    const isWhole = furtherNext === null || (beside.context.value?.earlier.length ?? 0) < CONTEXT_EARLIER
    return !topmost.hasEarlier && above.length >= before.value.length && isWhole
  }

  function show(): void {
    const conversations = before.value
    earlier.value = above.flatMap((timeline, index) => {
      const of = conversations[index]
      return of ? [{ conversation: of, messages: timeline.items }] : []
    }).reverse()
  }

  /** The timeline of a conversation above the one on the screen. Whoever draws by it hears of its changes. */
  function find(of: Id): Timeline | undefined {
    return earlier.value && above.find((one) => one.conversationId === of)
  }

  /** Loads upward in a timeline until a message is here. Answers whether it is. */
  async function reach(timeline: Timeline | undefined, seq: number): Promise<boolean> {
    reaching += 1
    try {
      return timeline ? await timeline.reach(seq) : false
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      earlierPhase.value = 'failed'
      return false
    } finally {
      reaching -= 1
    }
  }

  /** The agent follows the end of the conversation on the screen: what lies far above it is forgotten until it is asked for. */
  function trim(current: Timeline | undefined): void {
    if (!current || current.length <= LONGEST || above.length > 0 || reaching > 0 || earlierPhase.value === 'loading') return
    if (current.trim(KEPT_MESSAGES) && earlierPhase.value === 'done') earlierPhase.value = 'idle'
  }

  function clear(): void {
    for (const timeline of above) timeline.dispose()
    above = []
    earlier.value = []
    earlierPhase.value = 'idle'
    further.value = []
    furtherNext = undefined
  }

  return { earlier, earlierPhase, history, load, find, reach, trim, clear }
}
