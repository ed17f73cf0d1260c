import { describe, expect, it } from 'vitest'
import { listRows, type RowsInput } from '../list/rows'
import { deadlineOf } from '../model/deadline'
import { withMessage } from '../model/lists'
import { queueOf, waitingSince } from '../model/queue'
import { conversation, message, routing } from './make'

const waiting = (id: string, created = '2026-11-22T06:00:00Z') => conversation(id, { status: 'waiting', assignee_id: null, created_at: created })
const group = (id: string) => ({ kind: 'group' as const, id, name: `组 ${id}` })
const rows = (over: Partial<RowsInput>) => listRows({
  tab: 'queue', conversations: [], ended: [], routings: new Map(), query: '', now: 0, zone: 'Asia/Shanghai', agentName: () => '', ...over,
})

describe('the queue', () => {
  it('stands by position, whatever order its conversations came in', () => {
    const routings = new Map([['a', routing('a', { position: 3 })], ['b', routing('b', { position: 1 })], ['c', routing('c', { position: 2 })]])
    expect(rows({ conversations: ['a', 'b', 'c'].map((id) => waiting(id)), routings }).map((row) => row.key)).toEqual(['b', 'c', 'a'])
  })

  it('has a line for each target where there are several, the one of who waits longest first', () => {
    const routings = new Map([
      ['a', routing('a', { target: group('sale'), position: 1, entered_at: '2026-11-22T06:02:00Z' })],
      ['b', routing('b', { target: group('care'), position: 1, entered_at: '2026-11-22T06:01:00Z' })],
      ['c', routing('c', { target: group('sale'), position: 2, entered_at: '2026-11-22T06:03:00Z' })],
    ])
    const found = rows({ conversations: ['a', 'b', 'c'].map((id) => waiting(id)), routings })
    expect(found.map((row) => row.key)).toEqual(['line-group-care', 'b', 'line-group-sale', 'a', 'c'])
    expect(found[2]).toMatchObject({ type: 'line', target: { name: '组 sale' }, count: 2 })
  })

  it('shows messages left below it, under a head of their own', () => {
    const routings = new Map([['a', routing('a', { state: 'message', position: null, entered_at: null })], ['b', routing('b')]])
    expect(rows({ conversations: [waiting('a'), waiting('b')], routings }).map((row) => row.key)).toEqual(['b', 'messages', 'a'])
  })

  it('puts whom it knows no place of at the end', () => {
    const { lines } = queueOf([waiting('a'), waiting('b')], new Map([['b', routing('b', { position: 4 })]]))
    expect(lines.map((line) => line.waiters.map((one) => one.conversation.id))).toEqual([['b', 'a']])
  })

  it('counts the waiting from the entry, else from the first words', () => {
    const one = { ...waiting('a'), unanswered_since: '2026-11-22T06:00:30Z' }
    expect(waitingSince({ conversation: one, routing: routing('a', { entered_at: '2026-11-22T06:00:20Z' }) })).toBe('2026-11-22T06:00:20Z')
    expect(waitingSince({ conversation: one, routing: undefined })).toBe('2026-11-22T06:00:30Z')
  })
})

describe('the deadline of the delayed transfer', () => {
  const due = routing('a', { state: 'placed', transfer_due_at: '2026-11-22T06:01:00Z', transfer_step: 1, transfer_steps: 3 })
  const at = (clock: string) => Date.parse(`2026-11-22T${clock}Z`)

  it('turns amber thirty and red ten seconds before', () => {
    const levels = ['06:00:29', '06:00:30', '06:00:49', '06:00:50', '06:01:05'].map((clock) => deadlineOf(conversation('a'), due, at(clock)))
    expect(levels.map((one) => one?.level)).toEqual(['calm', 'soon', 'soon', 'late', 'late'])
    expect(levels.map((one) => one?.seconds)).toEqual([31, 30, 11, 10, 0])
  })

  it('is gone with the first answer, and not with a note or a word of the customer', () => {
    const open = conversation('a')
    const after = (over: Parameters<typeof message>[1]) => deadlineOf(withMessage(open, message(1, over)), due, at('06:00:30'))
    expect(after({ sender_kind: 'agent' })).toBeNull()
    expect(after({ sender_kind: 'agent', kind: 'note' })).not.toBeNull()
    expect(after({ sender_kind: 'customer' })).not.toBeNull()
    expect(after({ sender_kind: 'system', kind: 'event' })).not.toBeNull()
  })

  it('is none of a waiting or ended conversation, nor where none is set', () => {
    expect(deadlineOf(waiting('a'), due, 0)).toBeNull()
    expect(deadlineOf(conversation('a', { status: 'ended' }), due, 0)).toBeNull()
    expect(deadlineOf(conversation('a'), routing('a'), 0)).toBeNull()
    expect(deadlineOf(conversation('a'), undefined, 0)).toBeNull()
  })
})

it('a note moves the head alone: no list shows it, and it answers nobody', () => {
  const before = conversation('a', { head: 1, last: { seq: 1, kind: 'text', sender_kind: 'customer', preview: '在吗', at: '' }, unanswered_since: '2026-11-22T06:00:00Z' })
  const after = withMessage(before, message(2, { kind: 'note', sender_kind: 'agent', text: '注意语气' }))
  expect(after).toEqual({ ...before, head: 2 })
})
