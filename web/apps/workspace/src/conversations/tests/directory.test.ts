// @vitest-environment jsdom
import type { Conversation, Me } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import { useDirectory } from '../stores/directory'
import { ME, conversation, message } from './make'

/** The network's edge: each list answers with what the test puts here. */
let pages: Record<string, { items: Conversation[]; next: string | null }>
let refuse: number | null

function answer(url: string): Response {
  const query = new URL(url, 'http://localhost').searchParams
  if (refuse !== null) return new Response(JSON.stringify({ error: { code: 'not_allowed', message: '', request_id: 'r-1' } }), { status: refuse })
  return new Response(JSON.stringify(pages[`${query.get('view')}${query.get('after') ?? ''}`] ?? { items: [], next: null }))
}

beforeEach(() => {
  setActivePinia(createPinia())
  pages = {}
  refuse = null
  vi.stubGlobal('fetch', vi.fn((url: string) => Promise.resolve(answer(url))))
  const session = useSession()
  session.me = { agent: { id: ME }, points: [] } as unknown as Me
})

describe('lists', () => {
  it('an answer for the agent before shows whoever signed in since nothing of it', async () => {
    const directory = useDirectory()
    let tell = (_: Response): void => undefined
    vi.stubGlobal('fetch', vi.fn(() => new Promise<Response>((resolve) => { tell = resolve })))
    const asking = directory.refresh('a')
    directory.reset()
    tell(new Response(JSON.stringify(conversation('a'))))
    await asking
    expect(directory.known.size).toBe(0)
  })

  it('a fetch again moves no row, adds new ones on top and takes out those that left', async () => {
    const directory = useDirectory()
    pages['mine'] = { items: [conversation('a'), conversation('b'), conversation('c')], next: null }
    await directory.load('mine')
    pages['mine'] = { items: [conversation('d'), conversation('c'), conversation('a')], next: null }
    await directory.load('mine')
    expect(directory.lists.mine.ids).toEqual(['d', 'a', 'c'])
  })

  it('a conversation that was opened before its list came stands where the server puts it', async () => {
    const directory = useDirectory()
    pages['mine'] = { items: [conversation('a'), conversation('b'), conversation('c')], next: null }
    const loading = directory.load('mine')
    directory.accept(conversation('b'))
    directory.accept(conversation('new'))
    await loading
    expect(directory.lists.mine.ids).toEqual(['new', 'a', 'b', 'c'])
  })

  it('the queue stands in the order of arrival', async () => {
    const directory = useDirectory()
    const waiting = (id: string, minute: number) => conversation(id, { status: 'waiting', assignee_id: null, created_at: `2026-11-22T06:0${minute}:00Z` })
    pages['queue'] = { items: [waiting('late', 5), waiting('early', 1)], next: null }
    await directory.load('queue')
    expect(directory.lists.queue.ids).toEqual(['early', 'late'])
  })

  it('an answer that is older than a departure does not bring the conversation back', async () => {
    const directory = useDirectory()
    const waiting = conversation('a', { status: 'waiting', assignee_id: null })
    pages['queue'] = { items: [waiting], next: null }
    const loading = directory.load('queue')
    directory.leave('a', 'queue')
    await loading
    expect(directory.lists.queue.ids).toEqual([])
    await directory.load('queue')
    expect(directory.lists.queue.ids).toEqual(['a'])
  })

  it('a frame brings back what left before it', () => {
    const directory = useDirectory()
    directory.lists.queue.phase = 'ready'
    directory.leave('a', 'queue')
    directory.accept(conversation('a', { status: 'waiting', assignee_id: null }))
    expect(directory.lists.queue.ids).toEqual(['a'])
  })

  it('further pages follow without repeating a row', async () => {
    const directory = useDirectory()
    pages['colleagues'] = { items: [conversation('a', { assignee_id: 'x' })], next: '2' }
    pages['colleagues2'] = { items: [conversation('a', { assignee_id: 'x' }), conversation('b', { assignee_id: 'x' })], next: null }
    await directory.load('colleagues')
    await directory.loadMore('colleagues')
    expect(directory.lists.colleagues).toMatchObject({ ids: ['a', 'b'], next: null })
  })

  it('a refusal is kept with its number, and the rows that were there stay', async () => {
    const directory = useDirectory()
    pages['mine'] = { items: [conversation('a')], next: null }
    await directory.load('mine')
    refuse = 403
    await directory.load('mine')
    expect(directory.lists.mine).toMatchObject({ ids: ['a'], phase: 'ready' })
    expect(directory.lists.mine.error?.requestId).toBe('r-1')
  })
})

describe('a conversation that changes', () => {
  it('goes from the queue to me, and from me to the ended ones', async () => {
    const directory = useDirectory()
    await Promise.all([directory.load('mine'), directory.load('queue'), directory.load('ended')])
    directory.accept(conversation('a', { status: 'waiting', assignee_id: null }))
    expect(directory.lists.queue.ids).toEqual(['a'])
    directory.accept(conversation('a', { version: 2 }))
    expect([directory.lists.queue.ids, directory.lists.mine.ids]).toEqual([[], ['a']])
    directory.accept(conversation('a', { version: 3, status: 'ended' }))
    expect([directory.lists.mine.ids, directory.lists.ended.ids]).toEqual([[], ['a']])
  })

  it('counts as unread until it is read', async () => {
    const directory = useDirectory()
    pages['mine'] = { items: [conversation('a'), conversation('b')], next: null }
    await directory.load('mine')
    directory.applyMessage(message(1))
    directory.applyMessage(message(2))
    expect(directory.unread).toBe(1)
    directory.applyRead('a', 'agent', 2)
    expect(directory.unread).toBe(0)
  })

  it('of the agent before is not shown to the next one', async () => {
    const directory = useDirectory()
    pages['mine'] = { items: [conversation('a')], next: null }
    const slow = directory.load('mine')
    directory.reset()
    await slow
    expect(directory.lists.mine).toMatchObject({ ids: [], phase: 'idle' })
  })
})

describe('names and beginnings', () => {
  it('a new name shows in every conversation of that customer, and in no other', async () => {
    const directory = useDirectory()
    const customer = { id: 'c', name: '访客 2F81C', vip: false }
    pages['mine'] = { items: [conversation('a', { customer }), conversation('b')], next: null }
    pages['ended'] = { items: [conversation('z', { customer, status: 'ended' })], next: null }
    await Promise.all([directory.load('mine'), directory.load('ended')])
    directory.followCustomer({ id: 'c', name: '陈若溪', vip: false })
    expect(directory.known.get('a')?.customer.name).toBe('陈若溪')
    expect(directory.known.get('z')?.customer.name).toBe('陈若溪')
    expect(directory.known.get('b')?.customer.id).toBe('customer-b')
  })

  it('who never had a conversation is told from who has none now', async () => {
    const directory = useDirectory()
    expect(directory.untouched).toBe(false)
    await Promise.all([directory.load('mine'), directory.load('ended')])
    expect(directory.untouched).toBe(true)
    directory.accept(conversation('z', { status: 'ended' }))
    expect(directory.untouched).toBe(false)
  })
})
