// @vitest-environment jsdom
import type { Conversation } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { live } from '../../live'
import { router } from '../../router'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import { playSound } from '../alerts/sound'
import { start } from '../background'
import { useNote } from '../composer/useNote'
import { useDirectory } from '../stores/directory'
import { useOutbox } from '../stores/outbox'
import { useThread } from '../stores/thread'
import { ME, conversation, message, offer, say, signedIn, TestSocket } from './make'

// What comes is taken at once here; how it is gathered, paced.test.ts tells.
vi.mock('../../ui/painted', async (original) => ({ ...await original<object>(), paced: () => (work: () => void) => work() }))
vi.mock('../alerts/sound', () => ({ playSound: vi.fn(), unlockSound: vi.fn(), SOUNDS: [] }))

const me = signedIn('conversations.serve')
/** What the server has of the conversation `a`. */
let stored: Conversation
let now: number
let stop: () => void

function answer(url: string, init?: RequestInit): Response {
  const { pathname } = new URL(url, 'http://localhost')
  if (pathname === '/api/v1/me') return new Response(JSON.stringify(me))
  if (pathname.endsWith('/notes') && init?.method === 'POST') return new Response(JSON.stringify({ conversation_id: 'a', seq: 4, client_message_id: 'm', at: '2026-11-22T06:11:00Z' }))
  if (pathname.endsWith('/context')) return new Response(JSON.stringify({ error: { code: 'try_again', message: '' } }), { status: 409 })
  if (pathname === '/api/v1/conversations/a') return new Response(JSON.stringify(stored))
  return new Response(JSON.stringify({ items: pathname === '/api/v1/conversations' ? [conversation('a', { head: 1 })] : [], next: null, head: 0, more: false }))
}

const known = () => useDirectory().known.get('a')
const told = () => toasts.value.map((one) => one.text)

/** Two tones shortly after another sound as one. */
function later(): void {
  now += 10_000
  vi.mocked(playSound).mockClear()
}

beforeEach(async () => {
  localStorage.clear()
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  stored = conversation('a', { head: 4, agent_unread: 2 })
  now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now)
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) => Promise.resolve(answer(url, init)))
  vi.stubGlobal('WebSocket', TestSocket)
  useSession().accept(me)
  stop = start()
  await vi.waitFor(() => expect(live.state.value).toBe('open'))
  await vi.waitFor(() => expect(useDirectory().lists.mine.phase).toBe('ready'))
})

afterEach(() => {
  stop()
  live.stop()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('a message of mine that overtakes what the customer wrote', () => {
  it('does not hide it: what is unread is asked for', async () => {
    const sent = useOutbox().text('在路上', 'a')
    say({ type: 'ack', client_message_id: sent?.client_message_id ?? '', conversation_id: 'a', seq: 4, at: '2026-11-22T06:11:00Z' })
    say({ type: 'message', ...message(2) }, { type: 'message', ...message(3) })
    await vi.waitFor(() => expect(known()).toMatchObject({ head: 4, agent_unread: 2 }))
  })

  it('does not where it is a note', async () => {
    await useNote().write('a', '请财务看一下', () => Promise.resolve([]))
    await vi.waitFor(() => expect(known()).toMatchObject({ head: 4, agent_unread: 2 }))
  })
})

describe('a conversation that left me', () => {
  it('calls when it comes back', () => {
    later()
    say({ type: 'conversation', conversation: conversation('b', { version: 2 }) })
    expect(playSound).toHaveBeenCalledOnce()

    say({ type: 'conversation_gone', conversation_id: 'b', topic: 'mine' })
    later()
    say({ type: 'conversation', conversation: conversation('b', { version: 4 }) })
    expect(playSound).toHaveBeenCalledOnce()
    expect(useDirectory().lists.mine.ids).toContain('b')
  })

  it('calls nobody for being told anew while it is there', () => {
    say({ type: 'conversation', conversation: conversation('b', { version: 2 }) })
    later()
    say({ type: 'conversation', conversation: conversation('b', { version: 3 }) })
    expect(playSound).not.toHaveBeenCalled()
  })

  it('by an offer, and was gone before that was told, is told of when it goes once more', () => {
    const mine = offer('o', { from_agent_id: ME, to_agent_id: 'agent-2' })
    say({ type: 'transfer_offer', offer: mine })
    say({ type: 'conversation_gone', conversation_id: 'a', topic: 'mine' })
    say({ type: 'transfer_offer', offer: { ...mine, state: 'accepted' } })
    say({ type: 'conversation', conversation: conversation('a', { version: 4 }) })
    const before = told()
    say({ type: 'conversation_gone', conversation_id: 'a', topic: 'mine' })
    expect(told().slice(before.length)).toEqual(['「陈若溪」的对话已转走'])
  })
})

describe('a message that was not sent', () => {
  async function refuse(of: string): Promise<void> {
    const sent = useOutbox().text('在路上', of)
    await nextTick()
    say({ type: 'error', ref: sent?.client_message_id ?? '', code: 'conversation_ended', message: '' })
    await nextTick()
  }

  it('is told where its conversation is not on the screen, and leads there', async () => {
    const push = vi.spyOn(router, 'push').mockResolvedValue(undefined)
    await refuse('a')
    expect(told()).toEqual(['发给「陈若溪」的消息没有发出'])
    expect([...useOutbox().failed]).toEqual(['a'])
    toasts.value[0]?.action?.run()
    expect(push).toHaveBeenCalledWith({ name: 'conversations', params: { id: 'a' } })
  })

  it('is told in its conversation alone where that is on the screen', async () => {
    await useThread().open('a')
    await refuse('a')
    expect(told()).toEqual([])
  })

  it('is no news after a reload', async () => {
    await refuse('a')
    for (const { id } of toasts.value) dismiss(id)
    useOutbox().close()
    await nextTick()
    useOutbox().open(ME, () => undefined)
    await nextTick()
    expect([told(), [...useOutbox().failed]]).toEqual([[], ['a']])
  })
})
