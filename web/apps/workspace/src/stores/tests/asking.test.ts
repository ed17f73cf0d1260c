// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useChannels } from '../channels'
import { useCustomerFields } from '../customerFields'
import { usePeople } from '../people'
import { useRoles } from '../roles'
import { useSession } from '../session'
import { useTags } from '../tags'

interface Frame { object: string; id: string; version: number }
const listeners = vi.hoisted(() => [] as ((frame: Frame) => void)[])
vi.mock('../../live', async (original) => ({
  ...(await original<object>()),
  onFrame: (type: string, listener: (frame: Frame) => void) => {
    if (type === 'changed') listeners.push(listener)
    return () => undefined
  },
  onReconnect: () => () => undefined,
}))

/** Questions whose answers the test gives; the others are answered at once. */
const HELD = new Set(['/tags', '/customer-fields', '/roles', '/agents', '/channels'])
let asked: { path: string; answer: (names: string[]) => void }[]

beforeEach(() => {
  listeners.length = 0
  asked = []
  setActivePinia(createPinia())
  useSession().me = { agent: { id: 'me', version: 1, role: { id: 'r0' } }, enterprise: { id: 'e', version: 1 }, points: ['agents.view', 'channels.view'] } as unknown as Me
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    const path = (url.split('?')[0] ?? '').replace('/api/v1', '')
    if (!HELD.has(path)) return Promise.resolve(new Response(JSON.stringify({ groups: [], items: [] })))
    return new Promise<Response>((resolve) => {
      asked.push({ path, answer: (names) => {
        const items = names.map((name) => ({ id: name, name, kind: 'customer', group_id: null, position: 0, builtin: null, version: 1 }))
        resolve(new Response(JSON.stringify({ groups: [], tags: items, items, next: null })))
      } })
    })
  }))
})
afterEach(() => { vi.unstubAllGlobals() })

const STORES = {
  tags: () => { const store = useTags(); return { load: store.load, shown: () => store.catalogue.tags.map((one) => one.name) } },
  customer_fields: () => { const store = useCustomerFields(); return { load: store.load, shown: () => store.fields.map((one) => one.name) } },
  agent: () => { const store = usePeople(); return { load: store.load, shown: () => store.agents.map((one) => one.name) } },
  channel: () => { const store = useChannels(); return { load: store.load, shown: () => store.all.map((one) => one.name) } },
  role: () => { const store = useRoles(); return { load: store.load, shown: () => store.roles.map((one) => one.name) } },
} as const

function changed(object: string, id = 'x'): void {
  for (const listener of listeners) listener({ object, id, version: 2 })
}

async function answer(at: number, ...names: string[]): Promise<void> {
  asked[at]?.answer(names)
  await flushPromises()
}

describe.each(['tags', 'customer_fields', 'role', 'agent', 'channel'] as const)('a change of %s', (object) => {
  it('that comes while an answer is on its way is asked for after it, once for all of them', async () => {
    const store = STORES[object]()
    const first = store.load()
    await answer(0, 'a')
    await first

    // given an answer that is on its way, and older than two changes
    void store.load()
    changed(object)
    changed(object)
    await answer(1, 'a', 'b')
    // when it is in, then the newer one is asked for
    expect(asked.length).toBe(3)
    await answer(2, 'a', 'b', 'c')
    expect([store.shown(), asked.length]).toEqual([['a', 'b', 'c'], 3])
  })

  it('that comes while the first answer of all is on its way is asked for after it', async () => {
    const store = STORES[object]()
    void store.load()
    changed(object)
    await answer(0, 'a')
    expect(asked.length).toBe(2)
    await answer(1, 'a', 'b')
    expect([store.shown(), asked.length]).toEqual([['a', 'b'], 2])
  })

  it('is asked for also where the answer before it failed', async () => {
    const store = STORES[object]()
    const first = store.load()
    await answer(0, 'a')
    await first
    vi.mocked(fetch).mockImplementationOnce(() => Promise.resolve(new Response('{}', { status: 500 })))
    const failing = store.load()
    changed(object)
    await expect(failing).rejects.toThrow()
    await flushPromises()
    await answer(1, 'b')
    expect(store.shown()).toEqual(['b'])
  })
})

it('what several parts of a page need at once is asked for once', async () => {
  const tags = useTags()
  const both = [tags.need(), tags.need()]
  await answer(0, 'a')
  await Promise.all(both)
  expect(asked.length).toBe(1)
})

it('a change of a role alone fetches that role', async () => {
  const store = STORES.role()
  const first = store.load()
  await answer(0, 'a')
  await first
  changed('role', 'a')
  await flushPromises()
  expect([asked.length, vi.mocked(fetch).mock.calls.at(-1)?.[0]]).toEqual([1, '/api/v1/roles/a'])
})
