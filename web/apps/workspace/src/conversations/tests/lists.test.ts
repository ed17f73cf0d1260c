import { describe, expect, it } from 'vitest'
import { arrange, matches, newer, openHeads, unreadConversations, viewOf, withMessage, withRead } from '../model/lists'
import { ME, conversation, message } from './make'

describe('the list a conversation belongs to', () => {
  it('follows status and owner', () => {
    expect(viewOf(conversation('a'), ME)).toBe('mine')
    expect(viewOf(conversation('a', { assignee_id: 'other' }), ME)).toBe('colleagues')
    expect(viewOf(conversation('a', { status: 'waiting', assignee_id: null }), ME)).toBe('queue')
    expect(viewOf(conversation('a', { status: 'ended' }), ME)).toBe('ended')
  })
})

describe('order of a list', () => {
  it('keeps shown rows in their places whatever order the server names', () => {
    expect(arrange(['a', 'b', 'c'], ['c', 'a', 'b'], 'top')).toEqual(['a', 'b', 'c'])
  })

  it('puts new rows at the top, in a queue at the end, and takes out those that left', () => {
    expect(arrange(['a', 'b', 'c'], ['d', 'c', 'a'], 'top')).toEqual(['d', 'a', 'c'])
    expect(arrange(['a', 'b'], ['a', 'b', 'c'], 'end')).toEqual(['a', 'b', 'c'])
  })
})

describe('a message that arrives', () => {
  it('is unread and starts the waiting time when the customer wrote it', () => {
    const first = withMessage(conversation('a'), message(1, { at: '2026-11-22T06:10:00Z' }))
    const second = withMessage(first, message(2, { at: '2026-11-22T06:12:00Z' }))
    expect(second).toMatchObject({ head: 2, agent_unread: 2, unanswered_since: '2026-11-22T06:10:00Z' })
    expect(second.last).toMatchObject({ seq: 2, preview: '第 2 句' })
  })

  it('ends the waiting time when an agent wrote it', () => {
    const waiting = withMessage(conversation('a'), message(1))
    expect(withMessage(waiting, message(2, { sender_kind: 'agent' }))).toMatchObject({ unanswered_since: null, customer_unread: 1 })
  })

  it('changes nothing the second time, or when it is older than the head', () => {
    const known = withMessage(conversation('a'), message(3))
    expect(withMessage(known, message(3))).toBe(known)
    expect(withMessage(known, message(2))).toBe(known)
  })

  it('moves the head alone when it is an event', () => {
    const known = withMessage(conversation('a'), message(1))
    const after = withMessage(known, message(2, { kind: 'event', sender_kind: 'system', text: null, data: { name: 'assigned' } }))
    expect(after).toEqual({ ...known, head: 2 })
  })

  it('counts a withdrawal as a last line, not as something unread', () => {
    const known = withMessage(conversation('a'), message(1))
    const after = withMessage(known, message(2, { kind: 'withdrawal', text: null, data: { ref_seq: 1 } }))
    expect(after).toMatchObject({ agent_unread: 1, last: { seq: 2, kind: 'withdrawal', preview: '' } })
  })
})

describe('reading', () => {
  const unread = conversation('a', { head: 5, agent_unread: 3, agent_read_seq: 2, last: { seq: 5, kind: 'text', sender_kind: 'customer', preview: '', at: '' } })

  it('clears what is unread at the last line', () => {
    expect(withRead(unread, 'agent', 5)).toMatchObject({ agent_unread: 0, agent_read_seq: 5 })
  })

  it('never goes back', () => {
    expect(withRead(unread, 'agent', 1).agent_read_seq).toBe(2)
    expect(withRead(conversation('a', { customer_read_seq: 4 }), 'customer', 3).customer_read_seq).toBe(4)
  })

  it('survives an answer that was on its way meanwhile', () => {
    const read = withRead(unread, 'agent', 5)
    expect(newer(read, unread)).toMatchObject({ agent_unread: 0, agent_read_seq: 5 })
  })
})

describe('two copies of a conversation', () => {
  it('an older version is ignored', () => {
    const known = conversation('a', { version: 3, status: 'ended' })
    expect(newer(known, conversation('a', { version: 2 }))).toBe(known)
  })

  it('a newer version that knows fewer messages takes back nothing that was read', () => {
    const known = conversation('a', { head: 7, customer_read_seq: 6, agent_read_seq: 7 })
    expect(newer(known, conversation('a', { version: 2, head: 6, customer_read_seq: 4, agent_read_seq: 5 }))).toMatchObject({ head: 7, customer_read_seq: 6, agent_read_seq: 7 })
  })

  it('a newer version keeps the messages it did not know of yet', () => {
    const known = withMessage(conversation('a', { version: 1 }), message(7))
    const merged = newer(known, conversation('a', { version: 2, status: 'ended', head: 6 }))
    expect(merged).toMatchObject({ version: 2, status: 'ended', head: 7, agent_unread: 1, last: { seq: 7 } })
  })
})

describe('finding in the list', () => {
  const row = conversation('a', { customer: { id: 'c', name: 'Nadia Rahman', vip: false }, last: { seq: 1, kind: 'text', sender_kind: 'customer', preview: '能寄到新加坡吗', at: '' } })

  it('needs every word, in name or last line, whatever the case or width', () => {
    expect(matches(row, 'nadia 新加坡')).toBe(true)
    expect(matches(row, 'ＮＡＤＩＡ')).toBe(true)
    expect(matches(row, 'nadia 上海')).toBe(false)
  })
})

it('counts conversations with something unread, not messages', () => {
  expect(unreadConversations([conversation('a', { agent_unread: 5 }), conversation('b'), conversation('c', { agent_unread: 1 }), conversation('joined', { agent_unread: 9, assignee_id: 'x', joined_ids: [ME] })], ME)).toBe(2)
})

describe('what the heartbeat is compared with', () => {
  const named = (...rows: [id: string, head: number][]) => new Map(rows.map(([id, head]) => [id, { id, head, version: 1 }]))

  it('is what is listed and what was named, as it is known here', () => {
    const listed = conversation('a', { head: 3, version: 2 })
    const opened = conversation('b', { head: 5 })
    expect(openHeads(named(['a', 1], ['b', 4], ['c', 9]), new Map([['a', listed], ['b', opened]]), [listed])).toEqual([
      { id: 'a', head: 3, version: 2 },
      { id: 'b', head: 5, version: 1 },
      { id: 'c', head: 9, version: 1 },
    ])
  })

  it('is of very many those with the lowest ids, as the server names them', () => {
    const ids = Array.from({ length: 520 }, (_, index) => String(999 - index))
    const heads = openHeads(named(...ids.map((id): [string, number] => [id, 1])), new Map(), [])
    expect(heads.map(({ id }) => id)).toEqual([...ids].sort().slice(0, 500))
  })
})
