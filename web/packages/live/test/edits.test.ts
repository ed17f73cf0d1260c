import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { Timeline, isEdit, repliedTo, type Message } from '../src'

function message(seq: number, over: Partial<Message> = {}): Message {
  return {
    conversation_id: 'c', seq, kind: 'text', sender_kind: 'agent', sender_id: 'a', client_message_id: `m${seq}`,
    at: '2026-11-22T06:00:00Z', text: `第 ${seq} 句`, data: null, withdrawn: false, ...over,
  }
}

const edit = (seq: number, of: number, text: string | null): Message => message(seq, { kind: 'edit', text, data: { seq: of } })

function timeline(items: readonly Message[] = []): Timeline {
  const pages = [...items]
  return new Timeline({
    conversationId: 'c',
    pageSize: 2,
    fetch: async ({ before_seq = Infinity, limit }) => {
      const found = pages.filter((one) => one.seq < before_seq).slice(-limit)
      return { items: found, head: pages.length, more: (found[0]?.seq ?? 1) > 1 }
    },
  })
}

describe('an edit', () => {
  const LOG = [message(1), message(2), edit(3, 1, '改过一次'), edit(4, 1, '改过两次'), message(5)]

  it('is what the message says from then on, whatever order it came in, and is no line of its own', () => {
    fc.assert(fc.property(fc.shuffledSubarray(LOG, { minLength: LOG.length }), (order) => {
      const shown = timeline()
      for (const one of order) shown.apply([one])
      expect(shown.items.map(({ seq, text, edited }) => [seq, text, edited ?? false])).toEqual([[1, '改过两次', true], [2, '第 2 句', false], [5, '第 5 句', false]])
    }))
  })

  it('that is no longer the newest brings no text', () => {
    const shown = timeline()
    shown.apply([message(1, { text: '改过两次', edited: true }), message(2), edit(3, 1, null), edit(4, 1, '改过两次')])
    expect(shown.items[0]).toMatchObject({ text: '改过两次', edited: true })
  })

  it('brings nothing back that was withdrawn', () => {
    const shown = timeline()
    shown.apply([message(1), message(2, { kind: 'withdrawal', text: null, data: { ref_seq: 1 } }), edit(3, 1, '又有了')])
    expect(shown.items).toEqual([message(1, { withdrawn: true, text: null })])
  })
})

it('reaches an old message page by page, and says so where it is not there', async () => {
  const shown = timeline(Array.from({ length: 9 }, (_, index) => message(index + 1)))
  await shown.open()
  expect(shown.at(3)).toBeNull()
  expect(await shown.reach(3)).toBe(true)
  expect(shown.at(3)?.text).toBe('第 3 句')
  expect(await shown.reach(12)).toBe(false)
})

it('tells what a message answers', () => {
  expect(repliedTo(message(4, { data: { reply_to: { seq: 2 } } }))).toBe(2)
  expect(repliedTo(message(4))).toBeNull()
  expect(isEdit(edit(4, 1, 'x'))).toBe(true)
})
