import { describe, expect, it } from 'vitest'
import { firstOpen, listRows, neighbour, rowIds, type RowsInput } from '../list/rows'
import { conversation } from './make'

const input = (over: Partial<RowsInput>): RowsInput => ({
  tab: 'mine', conversations: [], ended: [], routings: new Map(), query: '', now: Date.parse('2026-11-22T04:00:00Z'), zone: 'Asia/Shanghai',
  agentName: (_conversation, id) => `客服 ${id}`, ...over,
})

describe('rows', () => {
  it('put my ended conversations of today under a head of their own', () => {
    const rows = listRows(input({
      conversations: [conversation('a')],
      ended: [conversation('b', { ended_at: '2026-11-22T03:00:00Z' }), conversation('c', { ended_at: '2026-11-21T03:00:00Z' })],
    }))
    expect(rows.map((row) => row.key)).toEqual(['a', 'ended', 'b'])
    expect(rows[1]).toMatchObject({ count: 1 })
  })

  it('gather colleagues’ conversations under their agent', () => {
    const rows = listRows(input({ tab: 'colleagues', conversations: [
      conversation('a', { assignee_id: 'x' }), conversation('b', { assignee_id: 'y' }), conversation('c', { assignee_id: 'x' }),
    ] }))
    expect(rows.map((row) => row.key)).toEqual(['agent-x', 'a', 'c', 'agent-y', 'b'])
  })

  it('hold only what is searched', () => {
    const rows = listRows(input({ query: 'nadia', conversations: [conversation('a'), conversation('b', { customer: { id: 'c', name: 'Nadia', vip: false } })] }))
    expect(rowIds(rows)).toEqual(['b'])
  })
})

it('the keyboard walks to the neighbour and stops at the ends', () => {
  const ids = ['a', 'b', 'c']
  expect([neighbour(ids, 'a', 1), neighbour(ids, 'c', 1), neighbour(ids, 'a', -1), neighbour(ids, null, 1), neighbour([], null, 1)]).toEqual(['b', 'c', 'a', 'a', null])
})

it('the first open ones are told in their order, without heads and without what has ended', () => {
  const rows = listRows(input({ conversations: ['a', 'b', 'c'].map((id) => conversation(id)), ended: [conversation('d', { ended_at: '2026-11-22T03:00:00Z' })] }))
  expect([firstOpen(rows, 2), firstOpen(rows, 9), firstOpen([], 2)]).toEqual([['a', 'b'], ['a', 'b', 'c'], []])
})
