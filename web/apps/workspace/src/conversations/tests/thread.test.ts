import { describe, expect, it } from 'vitest'
import { mayWithdraw, steady, threadItems, type GroupItem, type ThreadInput, type ThreadItem } from '../model/thread'
import { ME, conversation, message, unsent } from './make'

const input = (over: Partial<ThreadInput>): ThreadInput => ({
  earlier: [],
  current: { conversation: conversation('a'), messages: [] },
  pending: [],
  online: true,
  newAfter: null,
  zone: 'Asia/Shanghai',
  ...over,
})
const messages = (list: ReturnType<typeof message>[], over = {}) => ({ conversation: conversation('a', over), messages: list })
const kinds = (items: ThreadItem[]): string[] => items.map((item) => item.type)
const groups = (items: ThreadItem[]): GroupItem[] => items.filter((item) => item.type === 'group')

describe('groups', () => {
  it('join one sender within one minute', () => {
    const items = threadItems(input({ current: messages([
      message(1, { at: '2026-11-22T06:10:05Z' }),
      message(2, { at: '2026-11-22T06:10:50Z' }),
      message(3, { at: '2026-11-22T06:11:00Z' }),
      message(4, { at: '2026-11-22T06:11:01Z', sender_kind: 'agent', sender_id: ME }),
      message(5, { at: '2026-11-22T06:11:02Z', sender_kind: 'agent', sender_id: 'colleague' }),
    ]) }))
    expect(groups(items).map((group) => group.entries.map((entry) => entry.message?.seq))).toEqual([[1, 2], [3], [4], [5]])
  })

  it('are parted by events and by messages taken back', () => {
    const items = threadItems(input({ current: messages([
      message(1),
      message(2, { kind: 'event', sender_kind: 'system', data: { name: 'assigned' } }),
      message(3),
      message(4, { withdrawn: true, text: null }),
      message(5),
    ]) }))
    expect(kinds(items)).toEqual(['day', 'group', 'event', 'group', 'withdrawn', 'group'])
  })

  it('say what became of the agent’s words', () => {
    const sent = { sender_kind: 'agent' as const, sender_id: ME }
    const items = threadItems(input({
      current: messages([message(1, { ...sent, at: '2026-11-22T06:01:00Z' }), message(2, { ...sent, at: '2026-11-22T06:02:00Z' }), message(3, { at: '2026-11-22T06:03:00Z' })], { customer_read_seq: 1 }),
    }))
    expect(groups(items).map((group) => group.delivery)).toEqual(['read', 'sent', null])
  })
})

describe('drawing again', () => {
  const two = [message(1, { at: '2026-11-22T06:01:00Z' }), message(2, { at: '2026-11-22T06:02:00Z' })]

  it('keeps the object of whatever is as it was when a message comes in', () => {
    const before = threadItems(input({ current: messages(two) }))
    const after = steady(before, threadItems(input({ current: messages([...two, message(3, { at: '2026-11-22T06:03:00Z' })]) })))
    expect(after.map((item, index) => item === before[index])).toEqual([true, true, true, false])
  })

  it('takes the new object of a group that grew, was read, or holds a changed message', () => {
    const sent = two.map((one) => ({ ...one, sender_kind: 'agent' as const, sender_id: ME }))
    const before = threadItems(input({ current: messages(sent) }))
    const read = steady(before, threadItems(input({ current: messages(sent, { customer_read_seq: 1 }) })))
    const grown = steady(before, threadItems(input({ current: messages([...sent, { ...sent[1], seq: 3, client_message_id: 'third' } as typeof sent[0]]) })))
    const changed = steady(before, threadItems(input({ current: messages(sent.map((one) => (one.seq === 2 ? { ...one, text: 'else' } : one))) })))
    expect([read, grown, changed].map((items) => items.map((item, index) => item === before[index]))).toEqual([[true, false, true], [true, true, false], [true, true, false]])
  })
})

describe('messages on their way', () => {
  it('stand last and say whether they go out or wait for the line', () => {
    const pending = [unsent('x')]
    expect(groups(threadItems(input({ pending }))).at(-1)?.delivery).toBe('sending')
    expect(groups(threadItems(input({ pending, online: false }))).at(-1)?.delivery).toBe('waiting')
  })

  it('stand apart when they failed', () => {
    const items = threadItems(input({ pending: [unsent('x'), unsent('y', { state: 'failed', error: 'too_long' }), unsent('z')] }))
    expect(groups(items).map((group) => group.delivery)).toEqual(['sending', 'failed', 'sending'])
  })

  it('keep their key when the server has them', () => {
    const before = groups(threadItems(input({ pending: [unsent('x')] })))[0]
    const stored = message(1, { sender_kind: 'agent', sender_id: ME, client_message_id: 'x', at: '2026-11-22T06:20:01Z' })
    const after = groups(threadItems(input({ current: messages([stored]) })))[0]
    expect(after?.key).toBe(before?.key)
    expect(after?.entries[0]?.key).toBe(before?.entries[0]?.key)
  })
})

describe('separators', () => {
  it('days turn at midnight of the enterprise, not of the browser', () => {
    const items = threadItems(input({ current: messages([message(1, { at: '2026-11-21T15:59:00Z' }), message(2, { at: '2026-11-21T16:01:00Z' })]) }))
    expect(kinds(items)).toEqual(['day', 'group', 'day', 'group'])
  })

  it('the line of new messages comes before the first new words of the customer', () => {
    const list = [message(1), message(2, { sender_kind: 'agent', sender_id: ME }), message(3), message(4)]
    expect(kinds(threadItems(input({ current: messages(list), newAfter: 2 })))).toEqual(['day', 'group', 'group', 'new', 'group'])
  })

  it('there is no such line where everything is new', () => {
    expect(kinds(threadItems(input({ current: messages([message(1), message(2)]), newAfter: 0 })))).not.toContain('new')
  })

  it('nor does it appear above the whole conversation once earlier ones are shown', () => {
    const earlier = [{ conversation: conversation('old'), messages: [message(1, { conversation_id: 'old', at: '2026-10-01T06:00:00Z' })] }]
    expect(kinds(threadItems(input({ earlier, current: messages([message(1), message(2)]), newAfter: 0 })))).not.toContain('new')
  })

  it('days turn within a quarter that was seen before in another conversation', () => {
    const at = '2026-11-22T06:10:00Z'
    const earlier = [{ conversation: conversation('old'), messages: [message(1, { conversation_id: 'old', at })] }]
    expect(kinds(threadItems(input({ earlier, current: messages([message(1, { at })]) })))).toEqual(['conversation', 'day', 'group', 'conversation', 'day', 'group'])
  })

  it('earlier conversations stand above, each with its own head', () => {
    const earlier = [{ conversation: conversation('old'), messages: [message(1, { conversation_id: 'old', at: '2026-10-01T06:00:00Z' })] }]
    expect(kinds(threadItems(input({ earlier, current: messages([message(1)]) })))).toEqual(['conversation', 'day', 'group', 'conversation', 'day', 'group'])
  })

  it('all keys are different', () => {
    const earlier = [{ conversation: conversation('old'), messages: [message(1, { conversation_id: 'old', client_message_id: null })] }]
    const keys = threadItems(input({ earlier, current: messages([message(1, { client_message_id: null }), message(2)]), pending: [unsent('x')], newAfter: 1 })).map((item) => item.key)
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('taking back', () => {
  const own = message(1, { sender_kind: 'agent', sender_id: ME, at: '2026-11-22T06:10:00Z' })
  const at = (seconds: number): number => Date.parse('2026-11-22T06:10:00Z') + seconds * 1000

  it('is offered for own messages within two minutes', () => {
    expect(mayWithdraw(own, ME, at(119))).toBe(true)
    expect(mayWithdraw(own, ME, at(120))).toBe(false)
  })

  it('is not offered for others’ messages, events, or twice', () => {
    expect(mayWithdraw({ ...own, sender_id: 'colleague' }, ME, at(1))).toBe(false)
    expect(mayWithdraw({ ...own, kind: 'event' }, ME, at(1))).toBe(false)
    expect(mayWithdraw({ ...own, withdrawn: true }, ME, at(1))).toBe(false)
  })
})
