import { ApiError, type Conversation, type Id } from '@qiatan/api'
import type { Message, Timeline } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { useSession } from '../../stores/session'
import { drawnAndIdle } from '../../ui/painted'
import { serves } from '../model/lists'
import { useAbove } from './above'
import { useBeside } from './beside'
import { useDirectory } from './directory'
import { useQuotes } from './quotes'
import { Reads } from './reads'
import type { Screen } from './screen'
import { Timelines } from './timelines'

export type ThreadPhase = 'idle' | 'loading' | 'ready' | 'failed' | 'missing'

/** The conversation on the screen: its messages, the same customer's earlier conversations above, and who the customer is. */
export const useThread = defineStore('thread', () => {
  const session = useSession()
  const directory = useDirectory()
  const id = shallowRef<Id | null>(null)
  const phase = shallowRef<ThreadPhase>('idle')
  const error = shallowRef<ApiError | null>(null)
  const messages = shallowRef<readonly Message[]>([])
  /** What was read when the agent last looked: the line of new messages comes after it. */
  const newAfter = shallowRef<number | null>(null)
  /** How many messages were unread when the conversation was opened. */
  const unreadAtOpen = shallowRef(0)
  /** The message that shall be brought into view as soon as its conversation is on the screen. */
  const wanted = shallowRef<{ id: Id; seq: number } | null>(null)
  const conversation = computed<Conversation | null>(() => (id.value === null ? null : directory.known.get(id.value) ?? null))

  const screen: Screen = { id, conversation, turn: 0 }
  const timelines = new Timelines((changed) => { if (id.value === changed.conversationId) messages.value = changed.items })
  const beside = useBeside(screen)
  const above = useAbove(screen, beside)
  // The lists are read so that whoever draws by a timeline hears of its changes.
  const loaded = (of: Id): Timeline | undefined => (of === id.value ? messages.value && timelines.get(of) : above.find(of))
  const quotes = useQuotes(loaded)
  const reads = new Reads((of, seq) => directory.applyRead(of, 'agent', seq))

  /** Shows a conversation; null shows none. Never throws: `phase` and `error` say what happened. */
  async function open(next: Id | null): Promise<void> {
    const mine = ++screen.turn
    above.clear()
    beside.clear()
    quotes.clear()
    id.value = next
    error.value = null
    newAfter.value = null
    const there = next === null ? undefined : directory.known.get(next)
    const kept = there && timelines.get(there.id)?.isOpen ? timelines.take(there.id) : null
    if (there && kept) {
      // Everything is here: shown in one go, and what is told beside it is asked for once that is drawn.
      timelines.opened(there.id)
      begin(there)
      void kept.open(there.head)
      messages.value = kept.items
      phase.value = 'ready'
      await drawnAndIdle()
      if (mine === screen.turn) await beside.loadContext()
      return
    }
    messages.value = []
    phase.value = next === null ? 'idle' : 'loading'
    if (next === null) return
    try {
      // What is known is not waited for: its messages are asked for before the page draws anything.
      const found = there ?? await directory.find(next)
      if (mine !== screen.turn) return
      begin(found)
      const timeline = timelines.take(next)
      timelines.opened(next)
      timelines.makeRoom(next)
      await timeline.open(found.head)
      if (mine !== screen.turn) return
      messages.value = timeline.items
      phase.value = 'ready'
    } catch (failure) {
      if (mine !== screen.turn) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
      phase.value = failure.status === 404 || failure.status === 422 ? 'missing' : 'failed'
    }
    // Who the customer is can be told without the messages.
    if (phase.value === 'missing' || conversation.value === null) return
    await beside.loadContext()
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
    screen.turn += 1
    above.clear()
    timelines.forget(of)
    messages.value = []
    beside.clear()
    error.value = why
    phase.value = 'missing'
    directory.drop(of)
  }

  /** Loads what comes before the first message shown: of this conversation, then of the customer's earlier ones. */
  async function loadEarlier(): Promise<void> {
    if (phase.value === 'ready' && id.value !== null) await above.load(timelines.take(id.value))
  }

  /** Loads upward until a message of the conversation on the screen, or of one above it, is here. Answers whether it is. */
  async function reach(of: Id, seq: number): Promise<boolean> {
    return above.reach(loaded(of), seq)
  }

  /** Fetches the messages of a conversation that is likely to be opened next. */
  async function prefetch(of: Id): Promise<void> {
    const there = directory.known.get(of)
    if (there && of !== id.value) await timelines.fetchAhead(of, there.head, id.value)
  }

  /** Gives a message to the timeline it belongs to, if that is kept. */
  function apply(message: Message): void {
    timelines.apply(message, id.value)
  }

  /** The agent follows the end of the conversation on the screen: what lies far above it is forgotten until it is asked for. */
  function trim(): void {
    above.trim(id.value === null ? undefined : timelines.get(id.value))
  }

  function setHead(of: Id, head: number): void {
    timelines.get(of)?.setHead(head)
  }

  /** Tells the server, and this page, that the agent has read up to `seq`. */
  function markRead(of: Conversation, seq: number): void {
    if (seq > of.agent_read_seq) reads.tell(of.id, seq)
  }

  function reset(): void {
    timelines.forgetAll()
    screen.turn += 1
    above.clear()
    beside.clear()
    reads.reset()
    id.value = null
    phase.value = 'idle'
    messages.value = []
  }

  const { earlier, earlierPhase, history } = above
  const { messageAt, isFailed: isQuoteFailed, again: askQuote } = quotes
  const { context, contextError, notesRound, loadContext, changeCustomer, followCustomer, refreshCustomer, followVisit, followNotes, catchUpCustomer } = beside
  return {
    id, phase, error, messages, earlier, earlierPhase, context, contextError, newAfter, unreadAtOpen, wanted, conversation, history,
    open, retry, close, loadContext, changeCustomer, followCustomer, refreshCustomer, followVisit, followNotes, notesRound, catchUpCustomer, loadEarlier, reach, messageAt, isQuoteFailed, askQuote, prefetch, apply, trim, setHead, markRead, reset,
  }
})
