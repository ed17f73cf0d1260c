// @vitest-environment jsdom
import type { Me, Routing, TransferOffer } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { live } from '../../live'
import { usePresence } from '../../stores/presence'
import { useSession } from '../../stores/session'
import { useOffers } from '../stores/offers'
import { useRouting } from '../stores/routing'
import { ME, offer, routing } from './make'

/** Answers wait until the test lets them go, so that a frame can come in between. */
let answers: Record<string, unknown>
let release: (() => void)[]
let hold: boolean

function fetched(url: string): Promise<Response> {
  const { pathname } = new URL(url, 'http://localhost')
  const body = JSON.stringify(answers[pathname])
  if (!hold) return Promise.resolve(new Response(body))
  return new Promise((resolve) => { release.push(() => resolve(new Response(body))) })
}

async function letGo(): Promise<void> {
  await vi.waitFor(() => expect(release.length).toBeGreaterThan(0))
  for (const one of release.splice(0)) one()
}

const queue = (...items: Routing[]) => ({ items, length: items.length, limit: 20 })

beforeEach(() => {
  setActivePinia(createPinia())
  answers = {}
  release = []
  hold = false
  vi.stubGlobal('fetch', fetched)
  vi.stubGlobal('WebSocket', class { close(): void { /* no line in this test */ } })
  useSession().accept({ agent: { id: ME, version: 1, role: { id: 'r' }, scope: { kind: 'self', group_ids: [] } }, enterprise: { version: 1 }, points: [], csrf_token: 'x' } as unknown as Me)
})
afterEach(() => {
  live.stop()
  vi.unstubAllGlobals()
})

describe('how conversations stand', () => {
  it('is what the queue answers, and its limit with it', async () => {
    answers['/api/v1/queue'] = queue(routing('a', { position: 2 }))
    await useRouting().load('queue')
    expect(useRouting().known.get('a')?.position).toBe(2)
    expect(useRouting().limit).toBe(20)
  })

  it('what a frame told while an answer was on its way is not overwritten by it', async () => {
    hold = true
    answers['/api/v1/queue'] = queue(routing('a', { position: 2 }), routing('b', { position: 1 }))
    const loading = useRouting().load('queue')
    useRouting().apply(routing('a', { position: 1 }))
    useRouting().apply(routing('b', { state: 'placed', position: null }))
    await letGo()
    await loading
    expect(useRouting().known.get('a')?.position).toBe(1)
    expect(useRouting().known.get('b')?.state).toBe('placed')
  })

  it('whoever the queue no longer names waits no longer; one who came meanwhile does', async () => {
    hold = true
    const store = useRouting()
    store.apply(routing('left'))
    store.apply(routing('mine', { state: 'placed', position: null }))
    answers['/api/v1/queue'] = queue()
    const loading = store.load('queue')
    store.apply(routing('came'))
    await letGo()
    await loading
    expect([...store.known.keys()].sort()).toEqual(['came', 'mine'])
  })

  it('an ended one is forgotten, and after sign-out an answer brings nothing', async () => {
    const store = useRouting()
    store.apply(routing('a'))
    store.apply(routing('a', { state: 'ended' }))
    expect(store.known.size).toBe(0)
    hold = true
    answers['/api/v1/routings'] = { items: [routing('b')] }
    const loading = store.load('mine')
    store.reset()
    await letGo()
    await loading
    expect(store.known.size).toBe(0)
  })
})

describe('transfers that wait for a yes', () => {
  const load = async (...items: TransferOffer[]) => {
    answers['/api/v1/transfer-offers'] = { items }
    return useOffers().load()
  }

  it('are told apart by who asked, and new ones made to me are named', async () => {
    const news = await load(offer('in'), offer('out', { from_agent_id: ME, conversation_id: 'b' }))
    expect(news.map((one) => one.id)).toEqual(['in'])
    expect(useOffers().incoming.map((one) => one.id)).toEqual(['in'])
    expect(useOffers().outgoingOf('b')?.id).toBe('out')
    expect(await load(offer('in'))).toEqual([])
    expect(useOffers().outgoingOf('b')).toBeNull()
  })

  it('an ended one never opens again, whatever an older answer says', async () => {
    const offers = useOffers()
    expect(offers.accept(offer('a'))).toBe(true)
    expect(offers.accept(offer('a', { state: 'withdrawn' }))).toBe(true)
    expect(offers.accept(offer('a'))).toBe(false)
    expect(await load(offer('a'))).toEqual([])
    expect(offers.incoming).toEqual([])
  })

  it('what I refused stays away though the others of the group may still accept', () => {
    const offers = useOffers()
    offers.accept(offer('a', { to_agent_id: null, to_group_id: 'g' }))
    offers.finish('a')
    expect(offers.accept(offer('a', { to_agent_id: null, to_group_id: 'g' }))).toBe(false)
    expect(offers.incoming).toEqual([])
  })

  it('one that a frame brought while the answer was on its way stays', async () => {
    hold = true
    answers['/api/v1/transfer-offers'] = { items: [] }
    const loading = useOffers().load()
    useOffers().accept(offer('a'))
    await letGo()
    await loading
    expect(useOffers().incoming.map((one) => one.id)).toEqual(['a'])
  })
})

it('a status I chose while the page asked who is there is not undone by the answer', async () => {
  const presence = usePresence()
  hold = true
  const here = { agent_id: ME, connected: true, open: 2, maximum: 10 }
  answers['/api/v1/presence'] = { items: [{ ...here, status: 'online' }, { ...here, agent_id: 'x', status: 'away' }] }
  answers['/api/v1/presence/me'] = { ...here, status: 'busy' }
  const loading = presence.load()
  await vi.waitFor(() => expect(release.length).toBe(1))
  const slow = release.splice(0)
  const choosing = presence.setStatus('busy')
  await letGo()
  await choosing
  slow.forEach((one) => one())
  await loading
  expect(presence.ownStatus).toBe('busy')
  expect(presence.of('x')?.status).toBe('away')
})
