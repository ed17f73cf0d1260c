import { ApiError, type Conversation, type ConversationView, type Id } from '@qiatan/api'
import type { ConversationHead, Message } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, reactive, shallowReactive } from 'vue'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { appendPage, arrange, newer, openHeads, unreadConversations, viewOf, withMessage, withRead } from '../model/lists'

export type Phase = 'idle' | 'loading' | 'ready' | 'failed'

export interface ConversationList {
  ids: Id[]
  next: string | null
  phase: Phase
  /** Loading of a further page. */
  more: 'idle' | 'loading' | 'failed'
  error: ApiError | null
}

export const VIEWS: readonly ConversationView[] = ['mine', 'queue', 'colleagues', 'ended']
const PAGE = 50

function emptyList(): ConversationList {
  return { ids: [], next: null, phase: 'idle', more: 'idle', error: null }
}

/** Anything thrown, as the one error class the page can show. A fault of our own code is not hidden behind it. */
function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  throw error
}

type Stale = (id: Id, view: ConversationView) => boolean
const never: Stale = () => false

/** All conversations this page knows and the lists they are shown in. Fed by fetches and by frames; never asks twice for the same page. */
export const useDirectory = defineStore('conversations', () => {
  const session = useSession()
  const known = shallowReactive(new Map<Id, Conversation>())
  const lists = reactive<Record<ConversationView, ConversationList>>({
    mine: emptyList(), queue: emptyList(), colleagues: emptyList(), ended: emptyList(),
  })
  /** Can no longer be seen by this agent though it was: the server said so when asked. */
  const gone = shallowReactive(new Set<Id>())
  const asking = new Map<Id, Promise<Conversation>>()
  /** What the server last said is open under `mine`. A long list is loaded page by page: the rest of it is known by these alone. */
  const named = new Map<Id, ConversationHead>()
  /** What left a list while an answer was on its way, and when: the answer may be older, and must not bring it back. */
  const left = new Map<string, number>()
  let moment = 0
  let underway = 0
  /** Grows with every reset, so that an answer for the agent before is dropped. */
  let generation = 0

  const mine = computed(() => rows('mine'))
  /** The lists are here and hold nothing: this agent never had a conversation, and nobody waits. */
  const untouched = computed(() => lists.mine.phase === 'ready' && lists.ended.phase === 'ready' && VIEWS.every((view) => lists[view].ids.length === 0))
  const unread = computed(() => unreadConversations(mine.value, session.agent?.id ?? ''))

  function rows(view: ConversationView): Conversation[] {
    return lists[view].ids.flatMap((id) => known.get(id) ?? [])
  }

  function put(incoming: Conversation): Conversation {
    const merged = newer(known.get(incoming.id), incoming)
    known.set(merged.id, merged)
    return merged
  }

  /** Takes a conversation as a frame or an answer brought it, and shows it in the list it belongs to now. */
  function accept(incoming: Conversation, isStale: Stale = never): Conversation {
    const conversation = put(incoming)
    gone.delete(conversation.id)
    const belongs = belongsTo(conversation)
    if (belongs !== 'mine') named.delete(conversation.id)
    if (belongs !== null && isStale(conversation.id, belongs)) return conversation
    for (const view of VIEWS) {
      const list = lists[view]
      const listed = list.ids.includes(conversation.id)
      if (view === belongs && !listed && list.phase !== 'idle') insert(view, conversation.id)
      if (view !== belongs && listed) list.ids = list.ids.filter((id) => id !== conversation.id)
    }
    return conversation
  }

  function belongsTo(conversation: Conversation): ConversationView | null {
    const myId = session.agent?.id ?? ''
    const view = viewOf(conversation, myId)
    return view === 'ended' && conversation.assignee_id !== myId ? null : view
  }

  function insert(view: ConversationView, id: Id): void {
    lists[view].ids = view === 'queue' ? [...lists[view].ids, id] : [id, ...lists[view].ids]
  }

  /** Gives what is new about a customer to all of their conversations: frames bring it to the open ones only. */
  function followCustomer({ id, name, vip }: Conversation['customer']): void {
    for (const conversation of known.values()) {
      const { customer } = conversation
      if (customer.id !== id || (customer.name === name && customer.vip === vip)) continue
      known.set(conversation.id, { ...conversation, customer: { id, name, vip } })
    }
  }

  /** Takes a conversation out of one list, as `conversation_gone` says. */
  function leave(id: Id, view: ConversationView): void {
    if (underway > 0) left.set(`${view} ${id}`, (moment += 1))
    if (view === 'mine') named.delete(id)
    lists[view].ids = lists[view].ids.filter((one) => one !== id)
  }

  /** Forgets one list: it may no longer be seen. */
  function clear(view: ConversationView): void {
    lists[view] = emptyList()
    if (view === 'mine') named.clear()
  }

  /** Takes what the server says is open under `mine` now. */
  function name(heads: readonly ConversationHead[]): void {
    named.clear()
    for (const head of heads) named.set(head.id, head)
  }

  /** What is open under `mine`, as this page knows it: what the heartbeat's digest is made of. */
  function ownHeads(): ConversationHead[] {
    return openHeads(named, known, mine.value)
  }

  /** Forgets one conversation: it may no longer be seen. */
  function drop(id: Id): void {
    for (const view of VIEWS) leave(id, view)
    known.delete(id)
  }

  function applyMessage(message: Message): void {
    const conversation = known.get(message.conversation_id)
    if (conversation) known.set(conversation.id, withMessage(conversation, message))
  }

  function applyRead(id: Id, side: 'customer' | 'agent', seq: number): void {
    const conversation = known.get(id)
    if (conversation) known.set(id, withRead(conversation, side, seq))
  }

  /** Asks the server, and tells of its answer which conversations have left a list since. */
  async function ask<T>(question: () => Promise<T>): Promise<{ answer: T; isStale: Stale }> {
    const asked = moment
    underway += 1
    try {
      const answer = await question()
      // Kept apart from the map, which is emptied when the last answer is in.
      const since = new Set([...left].filter(([, at]) => at > asked).map(([key]) => key))
      return { answer, isStale: (id, view) => since.has(`${view} ${id}`) }
    } finally {
      underway -= 1
      if (underway === 0) left.clear()
    }
  }

  /** The conversation, asked for once where it is not known. Throws `ApiError`: `not_found` also where it is not ours to see. */
  async function find(id: Id): Promise<Conversation> {
    const there = known.get(id)
    if (there) return there
    let request = asking.get(id)
    if (!request) {
      request = refresh(id).finally(() => asking.delete(id))
      asking.set(id, request)
    }
    return request
  }

  /** Asks again for a conversation whose state may have changed unseen. */
  async function refresh(id: Id): Promise<Conversation> {
    const started = generation
    const { answer, isStale } = await ask(() => api.conversation(id))
    return started === generation ? accept(answer, isStale) : answer
  }

  /** The same where nobody waits for it. Without an answer the next `subscribed` or digest brings this page in step again. */
  function reask(id: Id): void {
    refresh(id).catch((error: unknown) => {
      if (asApiError(error).status === 404) gone.add(id)
    })
  }

  /** Loads a list's first page; a list already shown keeps its rows and their places meanwhile. */
  async function load(view: ConversationView): Promise<void> {
    const list = lists[view]
    const started = generation
    const wasShown = list.phase === 'ready'
    if (!wasShown) list.phase = 'loading'
    list.error = null
    try {
      const { answer: page, isStale } = await ask(() => api.conversations(view, null, PAGE))
      if (started !== generation) return
      const present = page.items.map((item) => put(item).id).filter((id) => !isStale(id, view))
      for (const id of present) gone.delete(id)
      // What this page does not name: came in by a frame while it was on its way, or stands on a further page.
      const further = wasShown && page.next === null ? [] : list.ids.filter((id) => !present.includes(id) && isIn(id, view))
      const shown = wasShown ? list.ids : []
      list.ids = view === 'queue' ? byWaiting([...present, ...further]) : arrange(shown, wasShown ? [...present, ...further] : [...further, ...present], 'top')
      list.next = page.next === null ? null : list.ids.length > present.length ? list.next ?? page.next : page.next
      list.phase = 'ready'
    } catch (error) {
      if (started !== generation) return
      list.error = asApiError(error)
      if (list.phase === 'loading') list.phase = 'failed'
    }
  }

  async function loadMore(view: ConversationView): Promise<void> {
    const list = lists[view]
    if (list.phase !== 'ready' || list.next === null || list.more === 'loading') return
    const started = generation
    list.more = 'loading'
    try {
      const { answer: page, isStale } = await ask(() => api.conversations(view, list.next, PAGE))
      if (started !== generation) return
      const ids = appendPage(list.ids, page.items.map((item) => put(item).id).filter((id) => !isStale(id, view)))
      list.ids = view === 'queue' ? byWaiting(ids) : ids
      list.next = page.next
      list.more = 'idle'
    } catch (error) {
      if (started !== generation) return
      list.error = asApiError(error)
      list.more = 'failed'
    }
  }

  function isIn(id: Id, view: ConversationView): boolean {
    const conversation = known.get(id)
    return conversation !== undefined && belongsTo(conversation) === view
  }

  /** Who waits longest stands first. */
  function byWaiting(ids: Id[]): Id[] {
    const since = (id: Id): string => known.get(id)?.created_at ?? ''
    return [...ids].sort((a, b) => since(a).localeCompare(since(b)) || a.localeCompare(b))
  }

  function reset(): void {
    generation += 1
    known.clear()
    gone.clear()
    asking.clear()
    left.clear()
    named.clear()
    for (const view of VIEWS) lists[view] = emptyList()
  }

  return { known, lists, gone, named, mine, untouched, unread, rows, accept, followCustomer, leave, clear, name, ownHeads, drop, applyMessage, applyRead, find, refresh, reask, load, loadMore, reset }
})
