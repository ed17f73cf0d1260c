// @vitest-environment jsdom
import type { Conversation, Me, Routing } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick, watch } from 'vue'
import { live } from '../../live'
import { useBadges } from '../../stores/badges'
import { useSession } from '../../stores/session'
import { toasts } from '../../ui/toasts'
import { start } from '../background'
import { useDirectory } from '../stores/directory'
import { useOffers } from '../stores/offers'
import { useOutbox } from '../stores/outbox'
import { useRouting } from '../stores/routing'
import { useThread } from '../stores/thread'
import { ME, conversation, message, offer, routing, say, signedIn, TestSocket } from './make'

// What comes is taken at once here; how it is gathered, paced.test.ts tells.
vi.mock('../../ui/painted', async (original) => ({ ...await original<object>(), paced: () => (work: () => void) => work() }))

const me = signedIn('conversations.serve', 'conversations.take')
/** Lists answer with what the test puts here. */
let mine: Conversation[]
let further: string | null
let waiting: Routing[]
let missing: Set<string>
let asked: string[]
let stop: () => void

function answer(url: string): Response {
  asked.push(url)
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (pathname === '/api/v1/me') return new Response(JSON.stringify(me))
  if (pathname === '/api/v1/queue') return new Response(JSON.stringify({ items: waiting, length: waiting.length, limit: 20 }))
  if (pathname === '/api/v1/routings' || pathname === '/api/v1/transfer-offers') return new Response(JSON.stringify({ items: [] }))
  if (pathname.endsWith('/messages')) return new Response(JSON.stringify({ items: [], head: 0, more: false }))
  const id = pathname.split('/')[4]
  if (!id) return new Response(JSON.stringify({ items: searchParams.get('view') === 'mine' ? mine : [], next: searchParams.get('view') === 'mine' ? further : null }))
  const found = missing.has(id) ? undefined : conversation(id, { head: 9, version: 9 })
  return found ? new Response(JSON.stringify(found)) : new Response(JSON.stringify({ error: { code: 'not_found', message: '' } }), { status: 404 })
}

const settled = () => vi.waitFor(() => expect(live.state.value).toBe('open'))

beforeEach(async () => {
  localStorage.clear()
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  mine = [conversation('a', { head: 1 })]
  further = null
  waiting = []
  missing = new Set()
  asked = []
  vi.stubGlobal('fetch', (url: string) => Promise.resolve(answer(url)))
  vi.stubGlobal('WebSocket', TestSocket)
  useSession().accept(me)
  stop = start()
  await settled()
  await vi.waitFor(() => expect(useDirectory().lists.mine.phase).toBe('ready'))
})

afterEach(() => {
  stop()
  live.stop()
  vi.unstubAllGlobals()
})

describe('while somebody is signed in', () => {
  it('own conversations and, with the right, the queue are subscribed', () => {
    expect(TestSocket.current?.sent.filter((frame) => frame['type'] === 'subscribe').map((frame) => frame['topic'])).toEqual(expect.arrayContaining(['mine', 'queue']))
  })

  it('a message makes its conversation unread and the rail count it', async () => {
    say({ type: 'message', ...message(2) })
    expect(useDirectory().known.get('a')).toMatchObject({ head: 2, agent_unread: 1 })
    await vi.waitFor(() => expect(useBadges().conversations).toBe(1))
  })

  it('what is read as it comes is counted nowhere', async () => {
    const counts: number[] = []
    const unwatch = watch(() => useBadges().conversations, (count) => counts.push(count), { flush: 'sync' })
    say({ type: 'message', ...message(2) })
    useDirectory().applyRead('a', 'agent', 2)
    await new Promise((resolve) => setTimeout(resolve, 150))
    unwatch()
    expect(counts).toEqual([])
  })

  it('a conversation that is followed all day stays as light as it was', async () => {
    const thread = useThread()
    await thread.open('a')
    const before = asked.length
    let longest = 0
    for (let seq = 1; seq <= 4_000; seq += 1) {
      say({ type: 'message', ...message(seq) })
      thread.trim()
      longest = Math.max(longest, thread.messages.length)
    }
    expect(longest).toBe(1_000)
    expect(thread.messages.at(-1)?.seq).toBe(4_000)
    expect(thread.messages.map((one) => one.seq)).toEqual(Array.from(thread.messages, (_, index) => 4_001 - thread.messages.length + index))
    expect(asked.slice(before).filter((url) => url.includes('/messages'))).toEqual([])
  })

  it('the same message twice counts once', () => {
    say({ type: 'message', ...message(2) }, { type: 'message', ...message(2) })
    expect(useDirectory().known.get('a')?.agent_unread).toBe(1)
  })

  it('a message of an unknown conversation brings the conversation', async () => {
    say({ type: 'message', ...message(1, { conversation_id: 'new' }) })
    await vi.waitFor(() => expect(useDirectory().lists.mine.ids).toEqual(['new', 'a']))
  })

  it('a message after a gap makes the page ask how much is unread', async () => {
    say({ type: 'message', ...message(4) })
    await vi.waitFor(() => expect(asked.some((url) => url.endsWith('/conversations/a'))).toBe(true))
  })

  it('what a colleague took leaves the queue', () => {
    const waiting = conversation('w', { status: 'waiting', assignee_id: null })
    useDirectory().lists.queue.phase = 'ready'
    say({ type: 'conversation', conversation: waiting })
    expect(useDirectory().lists.queue.ids).toEqual(['w'])
    say({ type: 'conversation_gone', conversation_id: 'w', topic: 'queue' })
    expect(useDirectory().lists.queue.ids).toEqual([])
  })

  it('a subscription that names other heads than known fetches the list; one that agrees does not', async () => {
    asked = []
    say({ type: 'subscribed', topic: 'mine', conversations: [{ id: 'a', head: 1, version: 1 }] })
    expect(asked.filter((url) => url.startsWith('/api/v1/conversations'))).toEqual([])
    mine = [conversation('a', { head: 3 }), conversation('b')]
    say({ type: 'subscribed', topic: 'mine', conversations: [{ id: 'a', head: 3, version: 1 }, { id: 'b', head: 0, version: 1 }] })
    await vi.waitFor(() => expect(useDirectory().lists.mine.ids).toEqual(['b', 'a']))
  })

  it('a conversation a subscription no longer names is asked for, and gone when it may not be seen', async () => {
    missing.add('a')
    say({ type: 'subscribed', topic: 'mine', conversations: [] })
    await vi.waitFor(() => expect(useDirectory().gone.has('a')).toBe(true))
    expect(useDirectory().lists.mine.ids).toEqual([])
  })

  it('an acknowledged message of mine ends the customer’s waiting', () => {
    say({ type: 'message', ...message(2) })
    const entry = useOutbox().text('您好', 'a')
    expect(TestSocket.current?.sent.at(-1)).toMatchObject({ type: 'send', conversation_id: 'a', text: '您好' })
    say({ type: 'ack', client_message_id: entry?.client_message_id ?? '', conversation_id: 'a', seq: 3, at: '2026-11-22T06:11:00Z' })
    expect(useDirectory().known.get('a')).toMatchObject({ head: 3, unanswered_since: null, last: { preview: '您好' } })
    expect(useOutbox().entries).toEqual([])
  })

  it('nothing of it is left after sign-out', async () => {
    say({ type: 'message', ...message(2) })
    await nextTick()
    useSession().forget()
    stop()
    expect(useDirectory().known.size).toBe(0)
    expect(useBadges().conversations).toBe(0)
  })
})

describe('who gets a conversation', () => {
  it('is told by frames, and asked anew whenever a list is subscribed', async () => {
    say({ type: 'routing', routing: routing('w', { position: 2 }) })
    expect(useRouting().known.get('w')?.position).toBe(2)
    waiting = [routing('w', { position: 1 })]
    say({ type: 'subscribed', topic: 'queue', conversations: [{ id: 'w', head: 1, version: 1 }] })
    await vi.waitFor(() => expect(useRouting().known.get('w')?.position).toBe(1))
  })

  it('an offer to me is shown until it is over; what became of mine is said', () => {
    say({ type: 'transfer_offer', offer: offer('in') })
    expect(useOffers().incoming.map((one) => one.id)).toEqual(['in'])
    say({ type: 'transfer_offer', offer: offer('in', { state: 'expired' }) })
    expect(useOffers().incoming).toEqual([])
    say({ type: 'transfer_offer', offer: offer('out', { from_agent_id: ME, to_name: '唐砚' }) })
    say({ type: 'transfer_offer', offer: offer('out', { from_agent_id: ME, to_name: '唐砚', state: 'refused' }) })
    expect(toasts.value.at(-1)?.text).toBe('「唐砚」没有接受，「陈若溪」的对话仍由你接待')
  })

  it('a conversation of mine that goes to somebody else is told, one I handed on myself only once', () => {
    say({ type: 'conversation_gone', conversation_id: 'a', topic: 'mine' })
    expect(toasts.value.at(-1)?.text).toBe('「陈若溪」的对话已转走')
    const directory = useDirectory()
    directory.accept(conversation('b'))
    say({ type: 'transfer_offer', offer: offer('out', { conversation_id: 'b', from_agent_id: ME }) })
    say({ type: 'transfer_offer', offer: offer('out', { conversation_id: 'b', from_agent_id: ME, to_name: '唐砚', state: 'accepted' }) })
    say({ type: 'conversation_gone', conversation_id: 'b', topic: 'mine' })
    expect(directory.lists.mine.ids).toEqual([])
    expect(toasts.value.at(-1)?.text).toBe('「唐砚」已接手「陈若溪」的对话')
  })

  it('a mark on a customer shows in all of their conversations', () => {
    const directory = useDirectory()
    const customer = { id: 'c', name: '陈若溪', vip: false }
    directory.accept(conversation('open', { version: 1, customer }))
    directory.accept(conversation('before', { status: 'ended', customer }))
    say({ type: 'conversation', conversation: conversation('open', { version: 2, customer: { ...customer, vip: true } }) })
    expect(directory.known.get('before')?.customer.vip).toBe(true)
  })
})

describe('a right that changes while the page is open', () => {
  const without = { ...me, points: ['conversations.serve'] } as Me

  it('takes its list along', async () => {
    const directory = useDirectory()
    directory.lists.queue.phase = 'ready'
    say({ type: 'conversation', conversation: conversation('w', { status: 'waiting', assignee_id: null }) })
    expect(directory.lists.queue.ids).toEqual(['w'])
    useSession().accept(without)
    await nextTick()
    expect(directory.lists.queue.ids).toEqual([])
    expect(TestSocket.current?.sent.at(-1)).toEqual({ type: 'unsubscribe', topic: 'queue' })
    expect(directory.lists.mine.ids).toEqual(['a'])
    expect([...useSession().lost]).toEqual(['conversations.take'])
  })

  it('brings its list back, and is no longer lost', async () => {
    useSession().accept(without)
    useSession().accept(me)
    await nextTick()
    expect(TestSocket.current?.sent.filter((frame) => frame['type'] === 'subscribe').at(-1)).toMatchObject({ topic: 'queue' })
    expect([...useSession().lost]).toEqual([])
  })

  it('closes a colleague’s conversation that may no longer be seen, and nothing of it is left', async () => {
    const directory = useDirectory()
    const thread = useThread()
    directory.accept(conversation('theirs', { assignee_id: 'somebody' }))
    await thread.open('theirs')
    missing.add('theirs')
    useSession().accept({ ...me, agent: { ...me.agent, scope: { kind: 'all', group_ids: [] } } })
    await vi.waitFor(() => expect(thread.phase).toBe('missing'))
    expect(thread.messages).toEqual([])
    expect(directory.known.has('theirs')).toBe(false)
  })

  it('is asked for when the role itself changed', async () => {
    asked = []
    say({ type: 'changed', object: 'role', id: 'role-1', version: 2 })
    await vi.waitFor(() => expect(asked).toContain('/api/v1/me'))
  })
})

describe('a customer gets a name', () => {
  it('their other conversations show it as well, though only the open one is announced', async () => {
    const directory = useDirectory()
    const customer = { id: 'c', name: '访客 2F81C', vip: false }
    directory.accept(conversation('open', { version: 1, customer }))
    directory.accept(conversation('before', { status: 'ended', customer }))
    say({ type: 'conversation', conversation: conversation('open', { version: 2, customer: { id: 'c', name: '陈若溪', vip: false } }) })
    await nextTick()
    expect(directory.known.get('open')?.customer.name).toBe('陈若溪')
    expect(directory.known.get('before')?.customer.name).toBe('陈若溪')
  })
})

describe('a list that is longer than its first page', () => {
  const row = (id: string, head = 1, version = 1) => ({ id, head, version })
  const named = (...rows: { id: string; head: number; version: number }[]): void => say({ type: 'subscribed', topic: 'mine', conversations: rows })
  const lists = (): number => asked.filter((url) => url.includes('/conversations?view=mine')).length
  const heads = () => [...useDirectory().ownHeads()].sort((a, b) => (a.id < b.id ? -1 : 1))

  beforeEach(async () => {
    further = '2'
    named(row('a'), row('b'), row('c', 7, 3))
    await vi.waitFor(() => expect(heads()).toHaveLength(3))
    asked = []
  })

  it('is known whole to the heartbeat, and told again asks for nothing', async () => {
    expect(heads()).toEqual([row('a'), row('b'), row('c', 7, 3)])
    expect(useDirectory().lists.mine.ids).toEqual(['a'])
    named(row('a'), row('b'), row('c', 7, 3))
    await nextTick()
    expect(lists()).toBe(0)
  })

  it('follows what goes, what comes and what is written beyond its first page', async () => {
    say({ type: 'conversation_gone', topic: 'mine', conversation_id: 'b' })
    say({ type: 'conversation', conversation: conversation('c', { head: 8, version: 4 }) })
    say({ type: 'conversation', conversation: conversation('d') })
    say({ type: 'message', ...message(9, { conversation_id: 'c' }) })
    await nextTick()
    expect(heads()).toEqual([row('a'), row('c', 9, 4), row('d', 0)])
    say({ type: 'conversation', conversation: conversation('c', { head: 9, version: 5, status: 'ended' }) })
    expect(heads()).toEqual([row('a'), row('d', 0)])
  })

  it('is asked for where something beyond it moved unseen, once', async () => {
    named(row('a'), row('b', 2), row('c', 7, 3))
    await vi.waitFor(() => expect(heads()[1]).toEqual(row('b', 2)))
    named(row('a'), row('b', 2), row('c', 7, 3))
    await nextTick()
    expect(lists()).toBe(1)
  })

  it('stays behind while the server does not answer, so that the next heartbeat asks again', async () => {
    const answering = fetch
    vi.stubGlobal('fetch', (url: string) => Promise.resolve(url.includes('/conversations?') ? new Response('{}', { status: 409 }) : answer(url)))
    named(row('a'), row('b', 2), row('c', 7, 3))
    await vi.waitFor(() => expect(useDirectory().lists.mine.error).not.toBeNull())
    expect(heads()[1]).toEqual(row('b', 1))
    vi.stubGlobal('fetch', answering)
    named(row('a'), row('b', 2), row('c', 7, 3))
    await vi.waitFor(() => expect(heads()[1]).toEqual(row('b', 2)))
    expect(lists()).toBe(1)
  })
})

describe('what the agent has read', () => {
  const marks = () => TestSocket.current?.sent.filter((frame) => frame['type'] === 'read')

  async function lineBreaks(): Promise<void> {
    const before = TestSocket.current
    before?.onclose?.({ code: 1006 })
    live.retryNow()
    await vi.waitFor(() => expect(TestSocket.current).not.toBe(before))
    await settled()
    await nextTick()
  }

  beforeEach(() => {
    useDirectory().applyMessage(message(2))
    useThread().markRead(useDirectory().known.get('a') ?? conversation('a'), 2)
  })

  it('is told once more on the next line, as the one that broke may have swallowed it', async () => {
    expect(useDirectory().known.get('a')).toMatchObject({ agent_read_seq: 2, agent_unread: 0 })
    await lineBreaks()
    expect(marks()).toEqual([{ type: 'read', conversation_id: 'a', seq: 2 }])
  })

  it('is not, where a heartbeat showed that the line was whole since; one that comes unasked shows nothing', async () => {
    const now = Date.now()
    const clock = vi.spyOn(Date, 'now').mockReturnValue(now + 31_000)
    say({ type: 'pong', at: '', digest: '' })
    await lineBreaks()
    expect(marks()).toHaveLength(1)

    clock.mockReturnValue(now + 62_000)
    say({ type: 'pong', at: '', digest: null })
    await lineBreaks()
    expect(marks()).toEqual([])
    clock.mockRestore()
  })

  it('is nobody else’s who signs in here', async () => {
    useThread().reset()
    await lineBreaks()
    expect(marks()).toEqual([])
  })
})
