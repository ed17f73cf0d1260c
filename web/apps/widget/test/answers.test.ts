import { flushPromises, mount, shallowMount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type * as Live from '@qiatan/live'

const { heard } = vi.hoisted(() => ({ heard: new Map<string, (value: unknown) => void>() }))

vi.mock('@qiatan/live', async (original) => ({
  ...(await original<typeof Live>()),
  LiveConnection: class {
    state = 'open'
    on(name: string, listener: (value: unknown) => void): () => void {
      heard.set(name, listener)
      return () => undefined
    }
    send = (): boolean => true
    subscribe = (): void => undefined
    start = (): void => undefined
    stop = (): void => undefined
  },
}))

type Handler = (method: string, path: string, signal: AbortSignal) => Response

let handler: Handler
let calls: string[]

const JSON_TYPE = { 'Content-Type': 'application/json' }
const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status, headers: JSON_TYPE })
const fault = (status: number, code: string): Response => json({ error: { code } }, status)
const config = { key: 'k', name: '官网', settings: { color: '#3357cc', title: 'T', greeting: '', offline_text: '', language: 'auto' } }
const session = { token: 't', customer_id: 'v', expires_at: '', config, typing_preview: false, files: true }

/** Headers and a first piece are there; then the line breaks. */
function broken(): Response {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new TypeError('network error')),
  })
  return new Response(body, { headers: JSON_TYPE })
}

/** Headers are there; the rest never comes. */
function stalled(signal: AbortSignal): Response {
  const body = new ReadableStream({
    start: (controller) => signal.addEventListener('abort', () => controller.error(signal.reason)),
  })
  return new Response(body, { headers: JSON_TYPE })
}

beforeEach(() => {
  vi.resetModules()
  localStorage.clear()
  heard.clear()
  history.replaceState(null, '', '/widget/k/panel')
  calls = []
  vi.stubGlobal('fetch', async (url: string, { method = 'GET', signal }: RequestInit) => {
    const path = url.replace('/api/v1', '')
    calls.push(`${method} ${path}`)
    return Promise.resolve(handler(method, path, signal as AbortSignal))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('an answer', () => {
  it.each([
    ['breaks off', broken],
    ['is no JSON', () => new Response('<html>', { headers: JSON_TYPE })],
    ['breaks off in telling a fault', () => new Response(broken().body, { status: 503, headers: JSON_TYPE })],
  ])('that %s is none', async (_what, answer) => {
    handler = answer
    const { request } = await import('../src/state/http')
    await expect(request('GET', '/x', null)).rejects.toMatchObject({ name: 'ApiError', status: 0, code: 'network' })
  })

  it.each([
    ['json', 20_000],
    ['blob', 120_000],
  ] as const)('of %s that comes to a stop is waited for %i ms', async (as, within) => {
    vi.useFakeTimers()
    handler = (_method, _path, signal) => stalled(signal)
    const { request } = await import('../src/state/http')
    const failed = vi.fn()
    request('GET', '/x', null, undefined, as).catch(failed)
    await vi.advanceTimersByTimeAsync(within - 1)
    expect(failed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(failed.mock.calls[0]?.[0]).toMatchObject({ status: 0, code: 'network' })
  })

  it('that is empty is one', async () => {
    handler = () => new Response(null, { status: 204 })
    const { request } = await import('../src/state/http')
    expect(await request('PUT', '/x', null, {})).toBeNull()
  })
})

async function started() {
  const chat = await import('../src/state/chat')
  const { setLocale } = await import('../src/i18n')
  await setLocale('zh-CN')
  return chat
}

describe('the panel', () => {
  it('begins again where the answer to its session broke off', async () => {
    vi.useFakeTimers()
    let tries = 0
    handler = (_method, path) => {
      if (path.endsWith('/session')) return ++tries === 1 ? broken() : json(session)
      return json(path.endsWith('/availability') ? { online: true } : path.endsWith('/config') ? config : { items: [] })
    }
    const chat = await started()
    chat.start()
    await vi.waitFor(() => expect(chat.failing.value).toBe('noSession'))
    expect(chat.ready.value).toBe(false)
    await vi.advanceTimersByTimeAsync(5_000)
    expect([tries, chat.ready.value, chat.failing.value]).toEqual([2, true, null])
  })

  it('says that it tries again only while it does', async () => {
    vi.useFakeTimers()
    handler = () => fault(404, 'not_found')
    const chat = await started()
    chat.start()
    await vi.waitFor(() => expect(chat.failing.value).toBe('shut'))
    const asked = calls.length
    await vi.advanceTimersByTimeAsync(600_000)
    expect(calls.length).toBe(asked)
    const { default: App } = await import('../src/App.vue')
    expect(shallowMount(App).get('.bar').text()).toBe('暂时不能使用这项服务。')
    const { default: PanelHeader } = await import('../src/components/PanelHeader.vue')
    expect(shallowMount(PanelHeader).get('[role=status]').text()).toBe('暂时不在线')
  })

  it('does not try again where the site it stands on is refused', async () => {
    vi.useFakeTimers()
    handler = () => fault(503, 'try_again')
    const chat = await started()
    heard.get('ended')?.({ code: 'origin_refused' })
    await vi.advanceTimersByTimeAsync(600_000)
    expect([chat.failing.value, calls]).toEqual(['shut', []])
  })

  it('is not said to fail once it talks, whatever becomes of the question for its settings', async () => {
    vi.useFakeTimers()
    handler = (_method, path, signal) => {
      if (path.endsWith('/config')) return stalled(signal)
      return json(path.endsWith('/session') ? session : path.endsWith('/availability') ? { online: true } : { items: [] })
    }
    const chat = await started()
    chat.start()
    await vi.advanceTimersByTimeAsync(30_000)
    expect([chat.ready.value, chat.failing.value]).toEqual([true, null])
  })

  it.each([[429, 'too_many'], [500, 'internal']])('says of an end that is refused with %i that it did not work', async (status, code) => {
    handler = () => fault(status, code)
    const chat = await started()
    const { take } = await import('../src/state/threads')
    take({ id: 'c1', status: 'active', head: 0, version: 1, customer_read_seq: 0, agent_read_seq: 0, customer_unread: 0, participants: [] } as unknown as Live.Conversation)
    await chat.endConversation()
    const { reason } = await import('../src/i18n')
    reason(chat.refusal.code)
    await vi.dynamicImportSettled()
    expect(reason(chat.refusal.code)).toBe('没有成功，请再试一次')
  })

  it('offers earlier messages again where their answer broke off', async () => {
    vi.stubGlobal('ResizeObserver', class { observe = (): void => undefined; disconnect = (): void => undefined })
    Element.prototype.scrollTo = () => undefined
    const message = (seq: number) => ({ conversation_id: 'c1', seq, kind: 'text', sender_kind: 'agent', sender_id: null, client_message_id: null, at: '2026-11-22T06:00:00Z', text: `${seq}`, data: null, withdrawn: false })
    const conversation = { id: 'c1', status: 'active', head: 2, version: 1, customer_read_seq: 2, agent_read_seq: 0, customer_unread: 0, participants: [] }
    let whole = false
    handler = (_method, path) => {
      if (!path.includes('/messages')) return json({ items: [conversation] })
      const before = Number(/before_seq=(\d+)/.exec(path)?.[1])
      if (before > 2) return json({ items: [message(2)], head: 2, more: true })
      return whole ? json({ items: [message(1)], head: 2, more: false }) : broken()
    }
    await started()
    const threads = await import('../src/state/threads')
    await threads.loadConversations()
    const { default: Log } = await import('../src/components/Log.vue')
    const shown = mount(Log, { attachTo: document.body })
    await shown.get('.scroll').trigger('scroll')
    await vi.waitFor(() => expect(shown.get('.note .link').text()).toBe('重试'))
    expect(shown.get('.scroll').attributes('aria-busy')).toBe('false')
    whole = true
    await shown.get('.note .link').trigger('click')
    await flushPromises()
    expect(shown.findAll('.bubble').map((bubble) => bubble.text())).toEqual(['客服说：1', '客服说：2'])
    shown.unmount()
  })
})

it('English says how much too long a text is, be it by one', async () => {
  const { setLocale, t } = await import('../src/i18n')
  await setLocale('en')
  t('tooLong')
  await vi.dynamicImportSettled()
  expect(t('tooLong', { over: 1 })).toBe('Too long by 1: please send it in parts')
  expect(t('rateOver', { over: 1 })).toBe('Too long by 1')
})
