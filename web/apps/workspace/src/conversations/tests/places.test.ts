// @vitest-environment jsdom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { usePlaces } from '../stores/places'

const place = (id: string, region: string | null = 'CN/广东省/深圳市') => ({ customer_id: id, region, device: null, page_url: null, page_title: null, last_seen_at: '2026-11-22T06:00:00Z' })
let asked: string[][] = []
let refuses = false

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  asked = []
  refuses = false
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    const ids = new URL(url, 'http://x').searchParams.getAll('customer_id')
    asked.push(ids)
    if (refuses) return Promise.resolve(new Response(JSON.stringify({ error: { code: 'not_allowed', message: 'no' } }), { status: 403 }))
    return Promise.resolve(new Response(JSON.stringify({ items: ids.filter((id) => id !== 'never').map((id) => place(id)) })))
  }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('where customers are', () => {
  it('is asked for once, for all rows that come into view together', async () => {
    const places = usePlaces()
    places.want(['a', 'b'])
    places.want(['b', 'c', 'never'])
    await vi.advanceTimersByTimeAsync(200)
    places.want(['a', 'never'])
    await vi.advanceTimersByTimeAsync(200)

    expect(asked).toEqual([['a', 'b', 'c', 'never']])
    expect([places.of('a')?.region, places.of('never')]).toEqual(['CN/广东省/深圳市', null])
  })

  it('is asked for in hundreds', async () => {
    usePlaces().want(Array.from({ length: 230 }, (_, index) => String(index)))
    await vi.advanceTimersByTimeAsync(1_000)

    expect(asked.map((ids) => ids.length)).toEqual([100, 100, 30])
  })

  it('is asked for again where the answer failed, and a frame needs no answer', async () => {
    const places = usePlaces()
    refuses = true
    places.want(['a'])
    await vi.advanceTimersByTimeAsync(200)
    refuses = false
    places.put(place('b', 'SG'))
    places.want(['a', 'b'])
    await vi.advanceTimersByTimeAsync(200)

    expect(asked).toEqual([['a'], ['a']])
    expect([places.of('a')?.region, places.of('b')?.region]).toEqual(['CN/广东省/深圳市', 'SG'])
  })

  it('is forgotten with the agent', async () => {
    const places = usePlaces()
    places.want(['a'])
    places.reset()
    await vi.advanceTimersByTimeAsync(200)

    expect([asked, places.of('a')]).toEqual([[], null])
  })
})
