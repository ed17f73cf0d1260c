import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Conversation, Message } from '@qiatan/live'

type Handler = (method: string, path: string, token: string | null, body: unknown) => { status?: number; json: unknown }

let handler: Handler
let calls: string[]

beforeEach(() => {
  vi.resetModules()
  localStorage.clear()
  history.replaceState(null, '', '/widget/k%201/panel')
  calls = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('/api/v1', '')
    const token = (init.headers as Record<string, string>).Authorization?.replace('Bearer ', '') ?? null
    calls.push(`${init.method} ${path} ${token ?? '-'}`)
    const { status = 200, json } = handler(init.method ?? 'GET', path, token, init.body ? JSON.parse(init.body as string) : null)
    return new Response(JSON.stringify(json), { status, headers: { 'Content-Type': 'application/json' } })
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const config = { key: 'k 1', name: '官网', settings: { color: '#3357cc', title: 'T', greeting: '', offline_text: '', language: 'auto' } }
const session = (token: string, customer = 'v1') => ({ json: { token, customer_id: customer, expires_at: '', config, typing_preview: true } })

describe('session', () => {
  it('keeps the token for this channel only, and shows it again next time', async () => {
    handler = () => session('t1')
    const first = await import('../src/state/session')
    await first.openSession()
    expect(localStorage.getItem('qiatan.visitor.k 1')).toBe('{"token":"t1","customer_id":"v1"}')
    expect(first.typingPreview.value).toBe(true)
    vi.resetModules()
    const second = await import('../src/state/session')
    expect(second.identity.value?.token).toBe('t1')
    await second.openSession()
    expect(calls).toEqual(['POST /widget/k%201/session -', 'POST /widget/k%201/session t1'])
  })

  it('never puts the token into an address', async () => {
    handler = () => session('secret')
    const { call, openSession } = await import('../src/state/session')
    await openSession()
    await call('GET', '/widget/conversations')
    for (const line of calls) expect(line.split(' ').slice(0, 2).join(' ')).not.toContain('secret')
  })

  it('tells the page once more when the site has said its title, and not again', async () => {
    const told: unknown[] = []
    handler = (_method, path, _token, body) => {
      told.push([path, (body as { page_url: string }).page_url, (body as { page_title: string }).page_title])
      return session('t1')
    }
    const { openSession, visit } = await import('../src/state/session')
    const { host } = await import('../src/state/bridge')
    host.page = { url: 'https://shop.example/kettle', title: '', referrer: '' }
    await openSession()
    host.page = { url: 'https://shop.example/kettle', title: '手冲壶', referrer: '' }
    await visit()
    await visit()

    expect(told).toEqual([
      ['/widget/k%201/session', 'https://shop.example/kettle', ''],
      ['/widget/visit', 'https://shop.example/kettle', '手冲壶'],
    ])
  })

  it('renews an expired token once and makes the call again', async () => {
    handler = (_method, path, token) => {
      if (path.endsWith('/session')) return session('t2')
      return token === 't2' ? { json: { online: true } } : { status: 401, json: { error: { code: 'token_expired' } } }
    }
    localStorage.setItem('qiatan.visitor.k 1', '{"token":"t1","customer_id":"v1"}')
    const { call, identity } = await import('../src/state/session')
    await call('GET', '/widget/availability')
    expect(identity.value?.token).toBe('t2')
    expect(calls).toEqual(['GET /widget/availability t1', 'POST /widget/k%201/session t1', 'GET /widget/availability t2'])
  })

  it('is one visitor in two tabs, whichever was first', async () => {
    handler = () => {
      localStorage.setItem('qiatan.visitor.k 1', '{"token":"other","customer_id":"v9"}')
      return session('mine')
    }
    const { identity, openSession } = await import('../src/state/session')
    await openSession()
    expect(identity.value).toEqual({ token: 'other', customer_id: 'v9' })
    localStorage.setItem('qiatan.visitor.k 1', '{"token":"rotated","customer_id":"v9"}')
    window.dispatchEvent(new StorageEvent('storage', { key: 'qiatan.visitor.k 1' }))
    expect(identity.value?.token).toBe('rotated')
  })

  it('works without storage, and with nonsense in it', async () => {
    handler = () => session('t1')
    localStorage.setItem('qiatan.visitor.k 1', '{nonsense')
    const first = await import('../src/state/session')
    expect(first.identity.value).toBeNull()
    vi.resetModules()
    vi.stubGlobal('localStorage', undefined)
    const second = await import('../src/state/session')
    await second.openSession()
    expect(second.identity.value?.token).toBe('t1')
  })

  it('tells the code of a refusal, and network where there was no answer', async () => {
    const { request } = await import('../src/state/http')
    handler = () => ({ status: 429, json: { error: { code: 'too_many' } } })
    await expect(request('GET', '/x', null)).rejects.toMatchObject({ status: 429, code: 'too_many' })
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    await expect(request('GET', '/x', null)).rejects.toMatchObject({ status: 0, code: 'network' })
    vi.stubGlobal('fetch', async () => new Response('<html>', { status: 502, headers: { 'Content-Type': 'text/html' } }))
    await expect(request('GET', '/x', null)).rejects.toMatchObject({ status: 502, code: 'http_502' })
  })
})

describe('threads', () => {
  const conversation = (id: string, part: Partial<Conversation> = {}): Conversation =>
    ({ id, status: 'ended', head: 2, version: 1, customer_read_seq: 2, agent_read_seq: 0, customer_unread: 0, participants: [], ...part }) as Conversation

  const message = (id: string, seq: number, part: Partial<Message> = {}): Message =>
    ({ conversation_id: id, seq, kind: 'text', sender_kind: 'agent', sender_id: null, client_message_id: null, at: '', text: `${id}${seq}`, data: null, withdrawn: false, ...part }) as Message

  async function world(list: Conversation[]) {
    handler = (_method, path) => {
      const match = /conversations\/(\w+)\/messages/.exec(path)
      if (!match) return { json: { items: list } }
      const id = match[1] ?? ''
      const head = list.find((item) => item.id === id)?.head ?? 0
      return { json: { items: Array.from({ length: head }, (_, i) => message(id, i + 1)), head, more: false } }
    }
    const threads = await import('../src/state/threads')
    await threads.loadConversations()
    const shown = (): string[] => threads.threads.value.map(({ items }) => items.map((item) => item.text ?? '-').join())
    return { threads, shown }
  }

  it('begins with the newest conversation and goes upward one by one', async () => {
    const { threads, shown } = await world([conversation('c3', { status: 'active' }), conversation('c2'), conversation('c1')])
    expect(shown()).toEqual(['c31,c32'])
    expect(threads.current.value?.id).toBe('c3')
    await threads.loadEarlier()
    expect(shown()).toEqual(['c21,c22', 'c31,c32'])
    expect(threads.hasEarlier.value).toBe(true)
    await threads.loadEarlier()
    expect(shown()).toEqual(['c11,c12', 'c21,c22', 'c31,c32'])
    expect(threads.hasEarlier.value).toBe(false)
  })

  it('opens a conversation that a message brings', async () => {
    const { threads, shown } = await world([conversation('c1')])
    threads.append([message('c2', 1, { sender_kind: 'customer', client_message_id: 'm' })])
    expect(shown()).toEqual(['c11,c12', 'c21'])
    expect(threads.contains('m')).toBe(true)
  })

  it('counts as unread what agents wrote after the visitor’s mark, in other conversations too', async () => {
    const { threads } = await world([conversation('c2', { status: 'active', customer_read_seq: 1 }), conversation('c1', { customer_unread: 3 })])
    expect(threads.unread.value).toBe(4)
    expect(threads.readable()).toEqual([{ id: 'c2', seq: 2 }])
    threads.markRead('c2', 'customer', 2)
    threads.append([message('c2', 3, { sender_kind: 'customer' }), message('c2', 4, { withdrawn: true })])
    expect(threads.unread.value).toBe(3)
  })

  it('ignores an older version, and never lets a read mark go back', async () => {
    const { threads } = await world([conversation('c1', { version: 5, status: 'active', agent_read_seq: 2 })])
    threads.take(conversation('c1', { version: 4, status: 'waiting' }))
    expect(threads.current.value?.status).toBe('active')
    threads.take(conversation('c1', { version: 6, status: 'ended', agent_read_seq: 0 }))
    expect(threads.current.value).toMatchObject({ status: 'ended', agent_read_seq: 2 })
  })

  it('knows when the line’s snapshot says more than it has', async () => {
    const { threads } = await world([conversation('c1', { status: 'active', version: 2 })])
    expect(threads.catchUp([{ id: 'c1', head: 2, version: 2 }])).toBe(false)
    expect(threads.catchUp([{ id: 'c1', head: 2, version: 3 }])).toBe(true)
    expect(threads.catchUp([{ id: 'c2', head: 1, version: 1 }])).toBe(true)
    // it ended while the line was down
    expect(threads.catchUp([])).toBe(true)
  })
})
