import { afterEach, describe, expect, it, vi } from 'vitest'
import { metadataOf, say, tokens, wishOf } from '../src/state/saying'
import { ApiError } from '../src/state/http'

afterEach(() => {
  vi.useRealTimers()
  history.replaceState(null, '', '/')
})

describe('what the page says', () => {
  it('reads ids from lists and from texts with commas, and leaves out what cannot be one', () => {
    expect(tokens(['a', 5, '', ' b ', 'a', null, 'x'.repeat(65)])).toEqual(['a', 'b'])
    expect(tokens('a, b,,c')).toEqual(['a', 'b', 'c'])
    expect(tokens({ a: 1 })).toEqual([])
    expect(tokens(Array.from({ length: 30 }, (_, i) => `t${i}`))).toHaveLength(20)
  })

  it('makes a wish of it, with anybody as the fallback', () => {
    expect(wishOf({ agents: ['a'], groups: 'g' }, 'page')).toEqual({ agents: ['a'], groups: ['g'], fallback: 3, source: 'page' })
    expect(wishOf({ agent: 'a', group: 'g', fallback: '2' }, 'link')).toEqual({ agents: ['a'], groups: ['g'], fallback: 2, source: 'link' })
    expect(wishOf({ agent: 'a', fallback: 7 }, 'link')?.fallback).toBe(3)
    expect(wishOf({ fallback: 1 }, 'page')).toEqual({ agents: [], groups: [], fallback: 1, source: 'page' })
  })

  it('wishes nothing where nothing is named', () => {
    for (const odd of [undefined, null, 5, 'a', [], {}, { lang: 'en' }, { fallback: 3 }]) expect(wishOf(odd, 'page')).toBeNull()
  })

  it('keeps texts, numbers and switches of the metadata, cut to what may be sent, and what is to be taken away', () => {
    expect(metadataOf({ order: 'S1', level: 3, vip: true, list: [1], gone: null, nothing: undefined, '': 'x' })).toEqual({ order: 'S1', level: '3', vip: 'true', gone: null })
    expect([...(metadataOf({ long: '😀'.repeat(600) })['long'] ?? '')]).toHaveLength(500)
    expect(metadataOf('x')).toEqual({})
    expect(Object.keys(metadataOf(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'v']))))).toHaveLength(20)
  })

  it('gives no room of the values to what is taken away or says nothing', () => {
    const named = (prefix: string, count: number, value: string | null) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, value]))
    expect(metadataOf({ ...named('gone', 20, null), ...named('empty', 20, ' '), ...named('new', 20, 'v') })).toEqual({ ...named('gone', 20, null), ...named('new', 20, 'v') })

    const names = Object.keys(metadataOf({ ...named('gone', 300, null), ...named('new', 30, 'v') }))
    expect(names).toHaveLength(200)
    expect([names[0], names[179], names[180], names[199]]).toEqual(['gone120', 'gone299', 'new0', 'new19'])
  })
})

describe('saying it', () => {
  it('puts the wish and the metadata, each once', async () => {
    const call = vi.fn(async () => undefined)
    await say({ assign: { agents: ['a'] }, metadata: { order: 'S1' } }, false, call)
    expect(call.mock.calls).toEqual([
      ['PUT', '/widget/wish', { agents: ['a'], groups: [], fallback: 3, source: 'page' }],
      ['PUT', '/widget/metadata', { values: { order: 'S1' } }],
    ])
  })

  it('takes the wish of a chat link from its address', async () => {
    history.replaceState(null, '', '/chat/key?agent=a1,a2&fallback=1&lang=en')
    const call = vi.fn(async () => undefined)
    await say({}, true, call)
    expect(call.mock.calls).toEqual([['PUT', '/widget/wish', { agents: ['a1', 'a2'], groups: [], fallback: 1, source: 'link' }]])
  })

  it('asks nothing of the server where there is nothing to say', async () => {
    const call = vi.fn(async () => undefined)
    await say({}, false, call)
    expect(call).not.toHaveBeenCalled()
  })

  it.each([0, 429, 503])('tries again after %i, and gives up rather than hold the message back', async (status) => {
    vi.useFakeTimers()
    const call = vi.fn(async () => Promise.reject(new ApiError(status, 'x')))
    const done = say({ assign: { agents: 'a' } }, false, call)
    await vi.runAllTimersAsync()
    await done
    expect(call).toHaveBeenCalledTimes(4)
  })

  it('takes a refusal for an answer', async () => {
    const call = vi.fn(async () => Promise.reject(new ApiError(422, 'invalid_input')))
    await say({ assign: { agents: 'a' } }, false, call)
    expect(call).toHaveBeenCalledTimes(1)
  })
})
