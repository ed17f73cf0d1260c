import type { Point, TransferTargets } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { threadItems } from '../model/thread'
import { actionsOf } from '../thread/actions'
import { choicesOf } from '../transfer/choices'
import { ME, conversation, message } from './make'

const looker = (points: Point[], readOnly = false) => ({ id: ME, can: (point: Point) => points.includes(point), readOnly })
const ALL: Point[] = ['conversations.transfer', 'conversations.join', 'conversations.take_over', 'routing.view']

describe('what can be done with a conversation', () => {
  it('is handing on in my own, joining and taking over in a colleague’s', () => {
    expect(actionsOf(conversation('a'), looker(ALL))).toEqual(['transfer', 'why'])
    expect(actionsOf(conversation('a', { assignee_id: 'x' }), looker(ALL))).toEqual(['join', 'takeOver', 'why'])
    expect(actionsOf(conversation('a', { assignee_id: 'x', joined_ids: [ME] }), looker(ALL))).toEqual(['leave', 'takeOver', 'why'])
  })

  it('is nothing but asking why where it waits or has ended, and for whoever only looks', () => {
    expect(actionsOf(conversation('a', { status: 'waiting', assignee_id: null }), looker(ALL))).toEqual(['why'])
    expect(actionsOf(conversation('a', { status: 'ended', joined_ids: [ME], assignee_id: 'x' }), looker(ALL))).toEqual(['why'])
    expect(actionsOf(conversation('a'), looker(ALL, true))).toEqual(['why'])
  })

  it('needs its points', () => {
    expect(actionsOf(conversation('a'), looker([]))).toEqual([])
    expect(actionsOf(conversation('a', { assignee_id: 'x' }), looker(['conversations.join']))).toEqual(['join'])
  })
})

describe('whom a conversation can be handed to', () => {
  const targets: TransferTargets = {
    asks: true,
    groups: [
      { id: 'g1', name: '售前', serving: 2, free: 0, open_now: true },
      { id: 'g2', name: '售后', serving: 3, free: 1, open_now: true },
      { id: 'g3', name: '批发', serving: 1, free: 1, open_now: false },
    ],
    agents: [
      { id: 'a1', name: '唐砚', status: 'online', connected: true, open: 8, maximum: 8, group_ids: [] },
      { id: 'a2', name: '程思远', status: 'online', connected: false, open: 0, maximum: 8, group_ids: [] },
      { id: 'a4', name: '阿福', status: 'busy', connected: true, open: 0, maximum: 8, group_ids: [] },
      { id: 'a3', name: '周予安', status: 'online', connected: true, open: 2, maximum: 8, group_ids: [] },
    ],
  }

  it('stands with those first who can take it; whoever has no page open is offline', () => {
    const found = choicesOf(targets, '')
    expect(found.map((one) => one.key)).toEqual(['group-g2', 'group-g3', 'group-g1', 'agent-a3', 'agent-a4', 'agent-a2', 'agent-a1'])
    expect(found.filter((one) => one.can).map((one) => one.key)).toEqual(['group-g2', 'agent-a3'])
    expect(found.find((one) => one.key === 'agent-a2')).toMatchObject({ status: 'offline', can: false })
  })

  it('is found by a part of the name', () => {
    expect(choicesOf(targets, ' 售 ').map((one) => one.name)).toEqual(['售后', '售前'])
    expect(choicesOf(targets, '没有')).toEqual([])
  })
})

it('a note stands by itself in the thread and never joins a bubble', () => {
  const items = threadItems({
    earlier: [], pending: [], online: true, newAfter: null, zone: 'Asia/Shanghai',
    current: { conversation: conversation('a'), messages: [
      message(1, { sender_kind: 'agent', sender_id: ME }),
      message(2, { kind: 'note', sender_kind: 'agent', sender_id: ME, text: '他是老客户' }),
      message(3, { sender_kind: 'agent', sender_id: ME }),
    ] },
  })
  expect(items.map((item) => item.type)).toEqual(['day', 'group', 'note', 'group'])
})
