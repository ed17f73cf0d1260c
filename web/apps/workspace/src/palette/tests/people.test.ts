// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, shallowRef, type EffectScope } from 'vue'
import { usePeople } from '../usePeople'

let scope: EffectScope
let asked: string[] = []
beforeEach(() => {
  vi.useFakeTimers()
  scope = effectScope()
  asked = []
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    const words = new URL(url, 'http://x').searchParams.get('q') ?? ''
    asked.push(words)
    if (words === 'slow') return Promise.resolve(new Response(JSON.stringify({ error: { code: 'too_many', message: 'later' } }), { status: 429 }))
    return Promise.resolve(new Response(JSON.stringify({ items: [{ customer: { id: words }, conversation_id: 'c' }] })))
  }))
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function type(query: { value: string }, words: string, wait = 400): Promise<void> {
  query.value = words
  await nextTick()
  await vi.advanceTimersByTimeAsync(wait)
}

it('customers are asked for once the agent pauses, and only for words that tell somebody', async () => {
  const query = shallowRef('')
  const people = scope.run(() => usePeople(query))
  if (!people) throw new Error('no scope')
  await type(query, '陈')
  await type(query, '陈若', 50)
  expect(people.waiting.value).toBe(true)
  await type(query, '陈若溪')

  expect(asked).toEqual(['陈若溪'])
  expect([people.found.value.map((one) => one.customer.id), people.waiting.value, people.error.value]).toEqual([['陈若溪'], false, null])

  await type(query, '')
  expect(people.found.value).toEqual([])
})

it('what was refused is told until something else is typed', async () => {
  const query = shallowRef('')
  const people = scope.run(() => usePeople(query))
  if (!people) throw new Error('no scope')
  await type(query, 'slow')
  expect([people.error.value?.code, people.waiting.value]).toEqual(['too_many', false])

  await type(query, 'fast')
  expect([people.error.value, people.found.value.length]).toEqual([null, 1])
})
