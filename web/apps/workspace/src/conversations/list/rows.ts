import type { Conversation, Found, Id, Routing, RoutingTarget } from '@qiatan/api'
import { NO_FILTER, passes, type Filter } from '../model/filter'
import { matches } from '../model/lists'
import { queueOf, type Waiter } from '../model/queue'
import { dayName } from '../model/time'

export type Tab = 'mine' | 'queue' | 'colleagues'

export type ListRow =
  | { type: 'conversation'; key: string; conversation: Conversation; ended: boolean }
  | { type: 'section'; key: string; count: number }
  /** Those who wait for one target, where there are several; and what was left as a message. */
  | { type: 'line'; key: string; target: RoutingTarget | null; count: number }
  | { type: 'messages'; key: string; count: number }
  /** Found in messages: the head above them, and each of them. */
  | { type: 'messagesHead'; key: string }
  | { type: 'found'; key: string; found: Found }
  | { type: 'agent'; key: string; agentId: Id; name: string; count: number }

export interface RowsInput {
  tab: Tab
  conversations: readonly Conversation[]
  ended: readonly Conversation[]
  routings: ReadonlyMap<Id, Routing>
  query: string
  filter?: Filter
  /** The one on the screen stays in the list, also when reading it makes it one that does not fit any more. */
  currentId?: Id | null
  mentionsOf?: (id: Id) => number
  /** What the server has found for the same words; null: nothing is searched there. */
  found?: readonly Found[] | null
  now: number
  zone: string
  agentName: (conversation: Conversation, id: Id | null) => string
}

/** The rows of one tab: conversations, with my ended ones of today below mine, waiting ones in their lines, colleagues' ones under their agent. */
export function listRows(input: RowsInput): ListRow[] {
  const filter = input.filter ?? NO_FILTER
  const found = (all: readonly Conversation[]): Conversation[] => all.filter((one) =>
    (passes(one, filter, input.mentionsOf?.(one.id) ?? 0) || one.id === input.currentId) && (input.query.trim() === '' || matches(one, input.query)))
  const open = found(input.conversations)
  if (input.found) return withFound([...listed(open, found(input.ended), input)], input.found)
  return listed(open, found(input.ended), input)
}

function listed(open: readonly Conversation[], ended: readonly Conversation[], input: RowsInput): ListRow[] {
  if (input.tab === 'colleagues') return byAgent(open, input.agentName)
  if (input.tab === 'queue') return byTarget(open, input.routings)
  const rows = open.map((one) => row(one, false))
  const endedToday = ended.filter((one) => one.ended_at !== null && dayName(one.ended_at, input.now, input.zone) === 'today')
  if (endedToday.length === 0) return rows
  return [...rows, { type: 'section', key: 'ended', count: endedToday.length }, ...endedToday.map((one) => row(one, true))]
}

/** What is found in messages stands below what is listed; a conversation listed by its name is not repeated without a message. */
function withFound(rows: ListRow[], found: readonly Found[]): ListRow[] {
  const shown = new Set(rowIds(rows))
  const more = found.filter((one) => one.hits.length > 0 || !shown.has(one.conversation.id))
  if (more.length === 0) return rows
  return [...rows, { type: 'messagesHead', key: 'found' }, ...more.map((one): ListRow => ({ type: 'found', key: `found-${one.conversation.id}`, found: one }))]
}

function row(conversation: Conversation, ended: boolean): ListRow {
  return { type: 'conversation', key: conversation.id, conversation, ended }
}

function byTarget(conversations: readonly Conversation[], routings: ReadonlyMap<Id, Routing>): ListRow[] {
  const { lines, messages } = queueOf(conversations, routings)
  const rows = (waiters: readonly Waiter[]): ListRow[] => waiters.map((one) => row(one.conversation, false))
  const queued = lines.flatMap(({ key, target, waiters }): ListRow[] =>
    lines.length > 1 ? [{ type: 'line', key: `line-${key}`, target, count: waiters.length }, ...rows(waiters)] : rows(waiters))
  if (messages.length === 0) return queued
  return [...queued, { type: 'messages', key: 'messages', count: messages.length }, ...rows(messages)]
}

function byAgent(conversations: readonly Conversation[], agentName: RowsInput['agentName']): ListRow[] {
  const groups = new Map<Id, Conversation[]>()
  for (const conversation of conversations) {
    const agentId = conversation.assignee_id ?? ''
    groups.set(agentId, [...(groups.get(agentId) ?? []), conversation])
  }
  return [...groups].flatMap(([agentId, group]): ListRow[] => {
    // A conversation that was just handed over may not name its agent yet; another one of the same agent does.
    const named = group.find((one) => one.participants.some((person) => person.id === agentId)) ?? group[0]
    const name = named ? agentName(named, agentId) : ''
    return [{ type: 'agent', key: `agent-${agentId}`, agentId, name, count: group.length }, ...group.map((one) => row(one, false))]
  })
}

/** The conversations among the rows, in the order in which the keyboard walks through them. */
export function rowIds(rows: readonly ListRow[]): Id[] {
  const ids = rows.flatMap((one) => (one.type === 'conversation' ? [one.conversation.id] : one.type === 'found' ? [one.found.conversation.id] : []))
  return [...new Set(ids)]
}

/** The first open conversations among the rows: what whoever serves them turns to next. */
export function firstOpen(rows: readonly ListRow[], most: number): Id[] {
  const first: Id[] = []
  for (const one of rows) {
    if (first.length >= most) break
    if (one.type === 'conversation' && !one.ended) first.push(one.conversation.id)
  }
  return first
}

/** The neighbour of a row; the first or last row where none is chosen. Stops at the ends. */
export function neighbour(ids: readonly Id[], current: Id | null, step: 1 | -1): Id | null {
  const at = current === null ? -1 : ids.indexOf(current)
  if (at < 0) return (step === 1 ? ids[0] : ids.at(-1)) ?? null
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null
}
