import { ApiError, type Conversation, type CustomerChange, type Id } from '@qiatan/api'
import { Timeline, type Message, type PageQuery, type Visit } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import { api } from '../../api'
import { live } from '../../live'
import { useSession } from '../../stores/session'
import { painted } from '../../ui/painted'
import { reportSurprise } from '../../ui/report'
import { serves } from '../model/lists'
import type { Stretch } from '../model/thread'
import type { ConversationContext } from '../model/types'
import { useDirectory } from './directory'

/** Timelines kept after their conversation left the screen, so that coming back shows it at once. */
const KEPT_TIMELINES = 12

/** Timelines kept that were fetched ahead and not opened yet: they take no place from those that were. */
const KEPT_AHEAD = 10

/** A timeline longer than this is cut to its newest messages where nobody reads further up. */
const LONGEST = 1_000
const KEPT_MESSAGES = 500

/** How many earlier conversations the context names at most; further ones are asked for page by page. */
const CONTEXT_EARLIER = 20

/** The highest seq the server takes in a question. */
const MAX_SEQ = 2_000_000_000

export type ThreadPhase = 'idle' | 'loading' | 'ready' | 'failed' | 'missing'

/** The conversation on the screen: its messages, the same customer's earlier conversations above, and who the customer is. */
export const useThread = defineStore('thread', () => {
  const session = useSession()
  const directory = useDirectory()
  const id = shallowRef<Id | null>(null)
  const phase = shallowRef<ThreadPhase>('idle')
  const error = shallowRef<ApiError | null>(null)
  const messages = shallowRef<readonly Message[]>([])
  const earlier = shallowRef<readonly Stretch[]>([])
  const earlierPhase = shallowRef<'idle' | 'loading' | 'failed' | 'done'>('idle')
  const context = shallowRef<ConversationContext | null>(null)
  const contextError = shallowRef<ApiError | null>(null)
  /** What was read when the agent last looked: the line of new messages comes after it. */
  const newAfter = shallowRef<number | null>(null)
  /** How many messages were unread when the conversation was opened. */
  const unreadAtOpen = shallowRef(0)
  /** The message that shall be brought into view as soon as its conversation is on the screen. */
  const wanted = shallowRef<{ id: Id; seq: number } | null>(null)
  /** Earlier conversations beyond those the context names. */
  const further = shallowRef<readonly Conversation[]>([])
  let furtherNext: string | null | undefined
  /** Answered messages that lie above what is loaded. */
  const quotes = shallowReactive(new Map<string, Message | null>())
  /** Earlier conversations the server does not let this agent read. */
  const closed = shallowRef<ReadonlySet<Id>>(new Set())
  const timelines = new Map<Id, Timeline>()
  const ahead = new Set<Id>()
  let above: Timeline[] = []
  /** How many are loading upward to a message: what they have loaded must not be forgotten meanwhile. */
  let reaching = 0
  let turn = 0

  const conversation = computed<Conversation | null>(() => (id.value === null ? null : directory.known.get(id.value) ?? null))

  function timelineOf(of: Id): Timeline {
    const kept = timelines.get(of)
    if (kept) {
      timelines.delete(of)
      timelines.set(of, kept)
      return kept
    }
    const made: Timeline = new Timeline({
      conversationId: of,
      fetch: (query) => page(of, query),
      onChange: () => { if (id.value === of) messages.value = made.items },
    })
    timelines.set(of, made)
    return made
  }

  /** Forgets what was left, or fetched ahead, longest ago. */
  function makeRoom(): void {
    let opened = timelines.size - ahead.size - KEPT_TIMELINES
    let waiting = ahead.size - KEPT_AHEAD
    for (const key of [...timelines.keys()]) {
      if (key !== id.value && (ahead.has(key) ? waiting-- : opened--) > 0) forget(key)
    }
  }

  function forget(of: Id): void {
    timelines.get(of)?.dispose()
    timelines.delete(of)
    ahead.delete(of)
  }

  /** Shows a conversation; null shows none. Never throws: `phase` and `error` say what happened. */
  async function open(next: Id | null): Promise<void> {
    const mine = ++turn
    disposeAbove()
    id.value = next
    error.value = null
    context.value = null
    contextError.value = null
    newAfter.value = null
    further.value = []
    furtherNext = undefined
    quotes.clear()
    const there = next === null ? undefined : directory.known.get(next)
    const kept = there && timelines.get(there.id)?.isOpen ? timelineOf(there.id) : null
    if (there && kept) {
      // Everything is here: shown in one go, and what is told beside it is asked for once that is drawn.
      ahead.delete(there.id)
      begin(there)
      void kept.open(there.head)
      messages.value = kept.items
      phase.value = 'ready'
      await painted()
      if (mine === turn) await loadContext()
      return
    }
    messages.value = []
    phase.value = next === null ? 'idle' : 'loading'
    if (next === null) return
    try {
      const found = await directory.find(next)
      if (mine !== turn) return
      begin(found)
      const timeline = timelineOf(next)
      ahead.delete(next)
      makeRoom()
      await timeline.open(found.head)
      if (mine !== turn) return
      messages.value = timeline.items
      phase.value = 'ready'
    } catch (failure) {
      if (mine !== turn) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
      phase.value = failure.status === 404 || failure.status === 422 ? 'missing' : 'failed'
      return
    }
    await loadContext()
  }

  function begin(found: Conversation): void {
    newAfter.value = found.agent_unread > 0 && serves(found, session.agent?.id ?? '') ? found.agent_read_seq : null
    unreadAtOpen.value = found.agent_unread
  }

  async function retry(): Promise<void> {
    await open(id.value)
  }

  /** Takes a conversation off the screen that may no longer be seen; `why` is the server's refusal. */
  function close(of: Id, why: ApiError): void {
    if (id.value !== of) return
    turn += 1
    disposeAbove()
    forget(of)
    messages.value = []
    context.value = null
    error.value = why
    phase.value = 'missing'
    directory.drop(of)
  }

  /** What is asked for at the moment, and for which turn. */
  let asking: { turn: number; run: Promise<void> } | null = null

  function loadContext(): Promise<void> {
    const run = fetchContext()
    asking = { turn, run }
    return run
  }

  /** Waits until what stands beside the conversation is known. Throws `ApiError`. */
  async function needContext(): Promise<void> {
    if (!context.value) await (asking?.turn === turn && contextError.value === null ? asking.run : loadContext())
    if (contextError.value) throw contextError.value
  }

  async function fetchContext(): Promise<void> {
    const of = id.value
    const mine = turn
    if (of === null) return
    contextError.value = null
    try {
      const found = await api.client.get<ConversationContext>(`/conversations/${encodeURIComponent(of)}/context`)
      directory.followCustomer(found.customer)
      if (mine === turn) context.value = found
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      if (mine === turn) contextError.value = failure
    }
  }

  /**
   * Notes something of the customer: name, mark, tags. `version` is the one the agent saw when the change began. Throws `ApiError`;
   * after `version_conflict` the customer as it is now has been fetched.
   */
  async function changeCustomer(change: CustomerChange): Promise<void> {
    const of = id.value
    const mine = turn
    if (of === null) return
    try {
      const customer = await api.changeCustomer(of, change)
      directory.followCustomer(customer)
      if (mine === turn && context.value) context.value = { ...context.value, customer }
    } catch (failure) {
      if (failure instanceof ApiError && failure.code === 'version_conflict' && mine === turn) await loadContext()
      throw failure
    }
  }

  /** Somebody changed the customer: what is shown of them, and the version that the next change names, is fetched again. */
  function followCustomer(customer: Conversation['customer']): void {
    const shown = context.value?.customer
    if (shown?.id === customer.id && (shown.name !== customer.name || shown.vip !== customer.vip)) void loadContext()
  }

  /** Somebody changed the card of a customer; where it is shown it is fetched again. What failed is seen at the next change. */
  async function refreshCustomer(of: Id): Promise<void> {
    const mine = turn
    if (context.value?.customer.id !== of) return
    try {
      const customer = await api.customer(of)
      if (mine === turn && context.value && customer.version >= context.value.customer.version) context.value = { ...context.value, customer }
    } catch (failure) {
      reportSurprise(failure)
    }
  }

  /** The customer went to another page. An answer that was on its way may be older. */
  function followVisit(visit: Visit): void {
    const shown = context.value
    if (shown?.customer.id !== visit.customer_id || (shown.visit && shown.visit.last_seen_at > visit.last_seen_at)) return
    context.value = { ...shown, visit }
  }

  /** Grows when somebody wrote, changed or deleted a note on the customer that is shown. */
  const notesRound = shallowRef(0)
  function followNotes(of: Id): void {
    if (context.value?.customer.id === of) notesRound.value += 1
  }

  /** The line was broken: what was told meanwhile of the customer that is shown is asked for. */
  function catchUpCustomer(): void {
    const shown = context.value?.customer.id
    if (shown === undefined) return
    void loadContext()
    followNotes(shown)
  }

  /** The same customer's conversations before this one, newest first. */
  const history = computed<Conversation[]>(() => {
    const shown = conversation.value
    return (context.value?.earlier ?? []).filter((one) => one.id !== shown?.id)
  })
  const before = computed<Conversation[]>(() => {
    const shown = conversation.value
    const all = [...history.value, ...further.value.filter((one) => !history.value.some(({ id: known }) => known === one.id))]
    return shown ? all.filter((one) => one.created_at < shown.created_at && one.head > 0 && !closed.value.has(one.id)) : []
  })

  /** Loads what comes before the first message shown: of this conversation, then of the customer's earlier ones. */
  async function loadEarlier(): Promise<void> {
    const mine = turn
    if (phase.value !== 'ready' || earlierPhase.value === 'loading' || earlierPhase.value === 'done' || id.value === null) return
    earlierPhase.value = 'loading'
    try {
      await stepUp(timelineOf(id.value))
      if (mine === turn) earlierPhase.value = 'idle'
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      if (mine === turn) earlierPhase.value = 'failed'
      return
    }
    if (mine === turn && context.value && isAtBeginning()) earlierPhase.value = 'done'
  }

  async function stepUp(current: Timeline): Promise<void> {
    const mine = turn
    const topmost = above.at(-1) ?? current
    if (topmost.hasEarlier) {
      await topmost.loadEarlier()
      showAbove()
      return
    }
    await needContext()
    while (!before.value[above.length] && await loadFurther(mine));
    const next = before.value[above.length]
    if (!next || mine !== turn) return
    const timeline = new Timeline({ conversationId: next.id, fetch: (query) => page(next.id, query), onChange: showAbove })
    try {
      await timeline.open(next.head)
    } catch (failure) {
      timeline.dispose()
      // Served by somebody outside this agent's scope: it is left out, and the one before it comes next.
      if (!(failure instanceof ApiError) || failure.status !== 404) throw failure
      closed.value = new Set([...closed.value, next.id])
      return
    }
    if (mine !== turn) {
      timeline.dispose()
      return
    }
    above = [...above, timeline]
    showAbove()
  }

  /** Asks for a page of conversations that lie before those the context names. Answers whether there was one. */
  async function loadFurther(mine: number): Promise<boolean> {
    const shown = context.value
    const of = id.value
    if (!shown || of === null || furtherNext === null || shown.earlier.length < CONTEXT_EARLIER || mine !== turn) return false
    const found = await api.earlier(of, furtherNext ?? null)
    if (mine !== turn) return false
    furtherNext = found.next
    further.value = [...further.value, ...found.items.filter((one) => one.id !== of)]
    return true
  }

  function isAtBeginning(): boolean {
    const topmost = above.at(-1) ?? (id.value === null ? undefined : timelines.get(id.value))
    const isWhole = furtherNext === null || (context.value?.earlier.length ?? 0) < CONTEXT_EARLIER
    return topmost !== undefined && !topmost.hasEarlier && above.length >= before.value.length && isWhole
  }

  function showAbove(): void {
    const conversations = before.value
    earlier.value = above.flatMap((timeline, index) => {
      const of = conversations[index]
      return of ? [{ conversation: of, messages: timeline.items }] : []
    }).reverse()
  }

  function disposeAbove(): void {
    for (const timeline of above) timeline.dispose()
    above = []
    earlier.value = []
    earlierPhase.value = 'idle'
  }

  /** Loads upward until a message of the conversation on the screen, or of one above it, is here. Answers whether it is. */
  async function reach(of: Id, seq: number): Promise<boolean> {
    const timeline = of === id.value ? timelines.get(of) : above.find((one) => one.conversationId === of)
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

  /** The message at a seq, for whoever quotes it. One that is not loaded is fetched; null until then, and where it cannot be. */
  function messageAt(of: Id, seq: number): Message | null {
    // The lists are read so that whoever draws a quote hears of it when the quoted message is changed or taken back.
    const here = (of === id.value ? messages.value && timelines.get(of) : earlier.value && above.find((one) => one.conversationId === of))?.at(seq)
    if (here) return here
    const key = `${of} ${seq}`
    const known = quotes.get(key)
    if (known === undefined) void fetchQuote(key, of, seq)
    return known ?? null
  }

  async function fetchQuote(key: string, of: Id, seq: number): Promise<void> {
    // Outside of whatever is being drawn: what is drawn must not change meanwhile.
    await Promise.resolve()
    if (quotes.has(key)) return
    quotes.set(key, null)
    try {
      const found = (await page(of, { after_seq: seq - 1, limit: 1 })).items.find((one) => one.seq === seq)
      if (found) quotes.set(key, found)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
    }
  }

  /** Fetches the messages of a conversation that is likely to be opened next, so that opening it waits for nothing. Nothing of it is read by that. */
  async function prefetch(of: Id): Promise<void> {
    const there = directory.known.get(of)
    if (!there || of === id.value || timelines.has(of)) return
    ahead.add(of)
    const timeline = timelineOf(of)
    makeRoom()
    try {
      await timeline.open(there.head)
    } catch (failure) {
      // Opening it asks again, and says what is wrong.
      if (!(failure instanceof ApiError)) throw failure
      if (ahead.has(of) && timelines.get(of) === timeline) forget(of)
    }
  }

  /** Gives a message to the timeline it belongs to, if that is kept. */
  function apply(message: Message): void {
    const timeline = timelines.get(message.conversation_id)
    timeline?.apply([message])
    if (timeline && message.conversation_id !== id.value && timeline.length > LONGEST) timeline.trim(KEPT_MESSAGES)
  }

  /** The agent follows the end of the conversation on the screen: what lies far above it is forgotten until it is asked for. */
  function trim(): void {
    const timeline = id.value === null ? undefined : timelines.get(id.value)
    if (!timeline || timeline.length <= LONGEST || above.length > 0 || reaching > 0 || earlierPhase.value === 'loading') return
    if (timeline.trim(KEPT_MESSAGES) && earlierPhase.value === 'done') earlierPhase.value = 'idle'
  }

  function setHead(of: Id, head: number): void {
    timelines.get(of)?.setHead(head)
  }

  /** Tells the server, and this page, that the agent has read up to `seq`. Without a line it is told at the next chance. */
  function markRead(of: Conversation, seq: number): void {
    if (seq <= of.agent_read_seq) return
    if (live.send({ type: 'read', conversation_id: of.id, seq })) directory.applyRead(of.id, 'agent', seq)
  }

  function reset(): void {
    for (const timeline of timelines.values()) timeline.dispose()
    timelines.clear()
    ahead.clear()
    turn += 1
    disposeAbove()
    id.value = null
    phase.value = 'idle'
    messages.value = []
    context.value = null
  }

  return {
    id, phase, error, messages, earlier, earlierPhase, context, contextError, newAfter, unreadAtOpen, wanted, conversation, history,
    open, retry, close, loadContext, changeCustomer, followCustomer, refreshCustomer, followVisit, followNotes, notesRound, catchUpCustomer, loadEarlier, reach, messageAt, prefetch, apply, trim, setHead, markRead, reset,
  }
})

function page(of: Id, query: PageQuery) {
  const { before_seq, ...rest } = query
  return api.messages(of, before_seq === undefined ? rest : { ...rest, before_seq: Math.min(before_seq, MAX_SEQ) })
}
