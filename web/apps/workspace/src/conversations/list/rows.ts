import type { Conversation, Id } from '@qiatan/api'
import { matches } from '../model/lists'
import { dayName } from '../model/time'

export type Tab = 'mine' | 'queue' | 'colleagues'

export type ListRow =
  | { type: 'conversation'; key: string; conversation: Conversation; ended: boolean }
  | { type: 'section'; key: string; count: number }
  | { type: 'agent'; key: string; agentId: Id; name: string; count: number }

export interface RowsInput {
  tab: Tab
  conversations: readonly Conversation[]
  ended: readonly Conversation[]
  query: string
  now: number
  zone: string
  agentName: (conversation: Conversation, id: Id | null) => string
}

/** The rows of one tab: conversations, with my ended ones of today below mine and colleagues' ones under their agent. */
export function listRows(input: RowsInput): ListRow[] {
  const found = (all: readonly Conversation[]): Conversation[] =>
    input.query.trim() === '' ? [...all] : all.filter((one) => matches(one, input.query))
  const open = found(input.conversations)
  if (input.tab === 'colleagues') return byAgent(open, input.agentName)
  const rows = open.map((one) => row(one, false))
  if (input.tab !== 'mine') return rows
  const endedToday = found(input.ended).filter((one) => one.ended_at !== null && dayName(one.ended_at, input.now, input.zone) === 'today')
  if (endedToday.length === 0) return rows
  return [...rows, { type: 'section', key: 'ended', count: endedToday.length }, ...endedToday.map((one) => row(one, true))]
}

function row(conversation: Conversation, ended: boolean): ListRow {
  return { type: 'conversation', key: conversation.id, conversation, ended }
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
  return rows.flatMap((one) => (one.type === 'conversation' ? [one.conversation.id] : []))
}

/** The neighbour of a row; the first or last row where none is chosen. Stops at the ends. */
export function neighbour(ids: readonly Id[], current: Id | null, step: 1 | -1): Id | null {
  const at = current === null ? -1 : ids.indexOf(current)
  if (at < 0) return (step === 1 ? ids[0] : ids.at(-1)) ?? null
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null
}
