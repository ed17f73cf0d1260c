import type { Found } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { listRows, rowIds } from '../list/rows'
import { destinationOf } from '../model/away'
import { NO_FILTER, choicesOf, filterCount, passes } from '../model/filter'
import { markedParts, nearHit } from '../model/found'
import { serves, viewOf, withMessage } from '../model/lists'
import { mentionBefore, mentionParts, mentioned } from '../model/mentions'
import { mayEdit, mayReply, threadItems } from '../model/thread'
import { ME, conversation, message } from './make'

const GU = { id: 'gu', name: '顾南乔' }
const LEE = { id: 'lee', name: 'Ann Lee' }
const ANN = { id: 'ann', name: 'Ann' }

describe('calling somebody by name', () => {
  it('begins with an @ before the caret and ends with a space', () => {
    expect(mentionBefore('请看 @顾', 6)).toEqual({ from: 3, query: '顾' })
    expect(mentionBefore('@', 1)).toEqual({ from: 0, query: '' })
    expect(mentionBefore('@顾南乔 看', 6)).toBeNull()
    expect(mentionBefore('没有', 2)).toBeNull()
  })

  it('is not meant in an address of mail', () => {
    expect(mentionBefore('ann@shop', 8)).toBeNull()
  })

  it('means the longer of two names, and each agent once', () => {
    expect(mentioned('@Ann Lee 和 @Ann 和 @Ann', [ANN, LEE]).map((one) => one.id)).toEqual(['lee', 'ann'])
    expect(mentioned('@谁 在', [GU])).toEqual([])
  })

  it('leaves the text as it was written', () => {
    const parts = mentionParts('@顾南乔 请看 @谁', [GU])
    expect(parts.map((part) => part.text).join('')).toBe('@顾南乔 请看 @谁')
    expect(parts[0]).toEqual({ text: '@顾南乔', colleague: GU })
    expect(mentionParts('', [GU])).toEqual([{ text: '', colleague: null }])
  })
})

describe('what is found', () => {
  it('is marked as text, also where it looks like a pattern', () => {
    expect(markedParts('价格 (含税)+运费', '(含税)+')).toEqual([{ text: '价格 ', hit: false }, { text: '(含税)+', hit: true }, { text: '运费', hit: false }])
    expect(markedParts('Nadia', 'nad').map((part) => part.hit)).toEqual([true, false])
    expect(markedParts('无', ' ')).toEqual([{ text: '无', hit: false }])
  })

  it('begins shortly before the place, so that a narrow column shows it', () => {
    expect(nearHit('…下青 10 月 21 日那窑，已是第 3 起杯口开裂', '开裂')).toBe('…是第 3 起杯口开裂')
    expect(nearHit('杯口开裂', '开裂')).toBe('杯口开裂')
  })

  it('stands below what is listed, and is not repeated for a name alone', () => {
    const found: Found[] = [
      { conversation: conversation('a'), hits: [] },
      { conversation: conversation('b', { status: 'ended' }), hits: [{ seq: 3, sender_kind: 'customer', snippet: '若溪', at: '2026-11-22T06:10:00Z' }] },
    ]
    const rows = listRows({
      tab: 'mine', conversations: [conversation('a')], ended: [], routings: new Map(), query: '陈若溪', found,
      now: Date.parse('2026-11-22T04:00:00Z'), zone: 'Asia/Shanghai', agentName: () => '',
    })
    expect(rows.map((row) => row.key)).toEqual(['a', 'found', 'found-b'])
    expect(rowIds(rows)).toEqual(['a', 'b'])
  })
})

describe('the filter', () => {
  const tag = (id: string) => ({ id, name: id, color: 'blue' })

  it('takes one of several channels or tags, and all kinds together', () => {
    const one = conversation('a', { agent_unread: 2, tags: [tag('vip')] })
    expect(passes(one, NO_FILTER, 0)).toBe(true)
    expect(passes(one, { ...NO_FILTER, unread: true, tags: ['vip', 'other'] }, 0)).toBe(true)
    expect(passes(one, { ...NO_FILTER, unread: true, channels: ['channel-2'] }, 0)).toBe(false)
    expect(passes(one, { ...NO_FILTER, mentioned: true }, 0)).toBe(false)
    expect(passes(one, { ...NO_FILTER, mentioned: true }, 1)).toBe(true)
    expect(filterCount({ unread: true, mentioned: true, channels: ['x'], tags: ['y', 'z'] })).toBe(5)
  })

  it('offers the channels and tags of what is listed, counted', () => {
    const choices = choicesOf([conversation('a', { tags: [tag('vip')] }), conversation('b', { tags: [tag('vip')] })])
    expect(choices.channels).toEqual([{ id: 'channel-1', name: '官网', count: 2 }])
    expect(choices.tags).toEqual([{ id: 'vip', name: 'vip', color: 'blue', count: 2 }])
  })

  it('keeps the conversation on the screen in its place', () => {
    const rows = listRows({
      tab: 'mine', conversations: [conversation('a'), conversation('b'), conversation('c', { agent_unread: 1 })], ended: [], routings: new Map(), query: '',
      filter: { ...NO_FILTER, unread: true }, currentId: 'b', now: 0, zone: 'Asia/Shanghai', agentName: () => '',
    })
    expect(rowIds(rows)).toEqual(['b', 'c'])
  })
})

describe('an address that is about to be opened', () => {
  it('is only ever a plain web address', () => {
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'https://a@b.example/', 'ftp://x.example', '', 'x']) expect(destinationOf(bad)).toBeNull()
  })

  it('tells whose site it is, not what a part before it says', () => {
    expect(destinationOf('https://qiatan.com.evil.example/login')?.site).toBe('evil.example')
    expect(destinationOf('https://shop.example.com.cn/')?.site).toBe('example.com.cn')
    expect(destinationOf('https://10.0.0.1/')?.site).toBe('10.0.0.1')
  })

  it('warns of what looks like something else', () => {
    expect(destinationOf('https://аррӏе.com/')?.warnings).toContain('punycode')
    expect(destinationOf('https://pаypal.com/')?.warnings).toContain('mixed')
    expect(destinationOf(`https://p${encodeURIComponent('а')}ypal.com/`)?.warnings).toContain('mixed')
    expect(destinationOf('https://a.example/\u202Egpj.exe')?.warnings).toContain('bidi')
    expect(destinationOf('https://a.example/%E2%80%AEgpj.exe')?.warnings).toContain('bidi')
    expect(destinationOf('http://a.example:8080/')?.warnings).toEqual(['port', 'insecure'])
    expect(destinationOf('https://1.2.3.4/')?.warnings).toEqual(['ip'])
    expect(destinationOf('https://www.example.com/a?b=c')?.warnings).toEqual([])
  })
})

describe('a message of mine', () => {
  const mine = message(4, { sender_kind: 'agent', sender_id: ME, at: '2026-11-22T06:00:00Z' })
  const at = (minutes: number): number => Date.parse('2026-11-22T06:00:00Z') + minutes * 60_000

  it('can be changed for a quarter of an hour, while the conversation is open', () => {
    expect(mayEdit(mine, ME, at(14), conversation('a'))).toBe(true)
    expect(mayEdit(mine, ME, at(15), conversation('a'))).toBe(false)
    expect(mayEdit(mine, ME, at(1), conversation('a', { status: 'ended' }))).toBe(false)
    expect(mayEdit(mine, 'other', at(1), conversation('a'))).toBe(false)
    expect(mayEdit({ ...mine, withdrawn: true }, ME, at(1), conversation('a'))).toBe(false)
    expect(mayEdit({ ...mine, kind: 'picture' }, ME, at(1), conversation('a'))).toBe(false)
  })

  it('is answered where a person said it and it still stands', () => {
    expect(mayReply(mine)).toBe(true)
    expect(mayReply(message(5, { kind: 'event', sender_kind: 'system' }))).toBe(false)
    expect(mayReply({ ...mine, withdrawn: true })).toBe(false)
  })

  it('changes the last line where it is that, and nothing else', () => {
    const before = conversation('a', { head: 4, agent_unread: 1, unanswered_since: 'x', last: { seq: 4, kind: 'text', sender_kind: 'agent', preview: '旧', at: 'x' } })
    const edit = message(5, { kind: 'edit', sender_kind: 'agent', sender_id: ME, text: '新', data: { seq: 4 } })
    expect(withMessage(before, edit)).toEqual({ ...before, head: 5, last: { ...before.last, preview: '新' } })
    expect(withMessage(before, { ...edit, data: { seq: 2 } })).toEqual({ ...before, head: 5 })
  })
})

it('who has joined finds it among their own, but does not serve it', () => {
  const joined = conversation('a', { assignee_id: 'other', joined_ids: [ME] })
  expect([viewOf(joined, ME), serves(joined, ME)]).toEqual(['mine', false])
})

it('a minute full of messages does not become one group without end', () => {
  const items = threadItems({
    earlier: [], current: { conversation: conversation('a'), messages: Array.from({ length: 50 }, (_, index) => message(index + 1)) },
    pending: [], online: true, newAfter: null, zone: 'Asia/Shanghai',
  })
  expect(items.flatMap((item) => (item.type === 'group' ? [item.entries.length] : []))).toEqual([20, 20, 10])
})
