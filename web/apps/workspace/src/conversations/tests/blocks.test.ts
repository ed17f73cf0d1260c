import { describe, expect, it } from 'vitest'
import { blocksOf, guessedHeight } from '../model/blocks'
import { threadItems, type ThreadItem } from '../model/thread'
import { conversation, message, unsent } from './make'

function items(from: number, to: number, over: Partial<Parameters<typeof threadItems>[0]> = {}): ThreadItem[] {
  const start = Date.parse('2026-11-22T01:00:00Z')
  // One minute apart: each message is a group of its own.
  const messages = Array.from({ length: to - from + 1 }, (_, index) => message(from + index, { at: new Date(start + (from + index) * 60_000).toISOString() }))
  return threadItems({ earlier: [], current: { conversation: conversation('a', { head: to }), messages }, pending: [], newAfter: null, zone: 'Asia/Shanghai', online: true, ...over })
}

describe('blocks of a thread', () => {
  it('hold every item once, in its order', () => {
    const all = items(1, 400)
    expect(blocksOf(all).flatMap((block) => block.items)).toEqual(all)
    expect(Math.max(...blocksOf(all).map((block) => block.items.length))).toBeLessThan(40)
  })

  it('stay as they are when a page comes in above', () => {
    const before = blocksOf(items(151, 400))
    const after = blocksOf(items(101, 400))
    const keys = before.slice(1).map((block) => block.key)
    expect(after.slice(-keys.length).map((block) => block.key)).toEqual(keys)
    for (const block of before.slice(1)) expect(after.find((one) => one.key === block.key)?.items.length).toBe(block.items.length)
  })

  it('have keys of their own across conversations', () => {
    const earlier = { conversation: conversation('b'), messages: [message(1, { conversation_id: 'b' }), message(2, { conversation_id: 'b' })] }
    const keys = blocksOf(items(1, 40, { earlier: [earlier] })).map((block) => block.key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys[0]).toBe('b-0')
  })

  it('keep separators with what follows and unsent messages with the end', () => {
    const blocks = blocksOf(items(30, 70, { newAfter: 67, pending: [unsent('late')] }))
    const withLine = blocks.find((block) => block.hasNew)
    expect(withLine?.items.slice(0, 2).map((item) => item.type)).toEqual(['new', 'group'])
    expect(withLine).toBe(blocks.at(-1))
    expect(blocks.at(-1)?.items.at(-1)?.key).toBe('group-late')
    expect(blocks.filter((block) => block.hasNew)).toHaveLength(1)
  })

  it('take a thread of unsent messages alone, and an empty one', () => {
    const only = threadItems({ earlier: [], current: { conversation: conversation('a'), messages: [] }, pending: [unsent('x')], newAfter: null, zone: 'Asia/Shanghai', online: true })
    expect(blocksOf(only)).toHaveLength(1)
    expect(blocksOf([])).toEqual([])
  })

  it('guess a height that grows with their lines', () => {
    const [small, large] = [blocksOf(items(1, 2))[0], blocksOf(items(1, 30))[0]]
    expect(small && large && guessedHeight(large) > guessedHeight(small)).toBe(true)
  })

  it('guess more for long texts, Han characters and pictures', () => {
    const of = (over: Parameters<typeof message>[1]): number => {
      const [block] = blocksOf(threadItems({ earlier: [], current: { conversation: conversation('a', { head: 1 }), messages: [message(1, over)] }, pending: [], newAfter: null, zone: 'Asia/Shanghai', online: true }))
      return block ? guessedHeight(block) : 0
    }
    expect(of({ text: 'a'.repeat(70) })).toBe(of({ text: 'a' }))
    expect(of({ text: 'a'.repeat(71) }) - of({ text: 'a' })).toBe(21)
    expect(of({ text: '茶'.repeat(70) })).toBe(of({ text: 'a'.repeat(140) }))
    expect(of({ kind: 'picture', text: null })).toBeGreaterThan(of({ text: 'a'.repeat(300) }))
  })
})
