// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import type { ServerFrame } from '@qiatan/live'
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import type * as Live from '../src/live'

const PROBE_MS = 60_000

/** The network's edge: sockets that open or not, and long polling that always answers. */
class Line {
  static readonly OPEN = 1
  static opens = true
  static all: Line[] = []
  static hour = ''
  readyState = 0
  readonly sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null

  constructor() {
    Line.all.push(this)
    setTimeout(() => {
      if (!Line.opens) return this.cut()
      this.readyState = 1
      this.onopen?.()
      this.say({ type: 'welcome', protocol: 1, me: { kind: 'agent', id: 'me' }, at: Line.hour } as ServerFrame)
    }, 1)
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>)
  }

  say(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify([frame]) })
  }

  cut(): void {
    this.readyState = 3
    this.onclose?.({ code: 1006 })
  }

  close(): void {
    this.readyState = 3
  }
}

let live: typeof Live

// Fetched apart by the connection: here before the clock is the test's.
beforeAll(() => import('../../../packages/live/src/poll-wire'))

beforeEach(async () => {
  vi.resetModules()
  setActivePinia(createPinia())
  Object.assign(Line, { opens: true, all: [], hour: '' })
  vi.stubGlobal('WebSocket', Line)
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    const body = JSON.parse(init.body as string) as { hello?: unknown; frames?: { type: string }[] }
    const said = body.frames ?? []
    if (!body.hello && said.length === 0) return new Promise((resolve) => setTimeout(() => resolve(new Response('{"frames":[]}')), 25_000))
    const frames = said.some(({ type }) => type === 'ping') ? [{ type: 'pong', at: '', digest: '' }] : []
    return Promise.resolve(new Response(JSON.stringify(body.hello ? { poll_id: 'p' } : { frames })))
  })
  live = await import('../src/live')
  await import('../../../packages/live/src/poll-wire')
  vi.useFakeTimers()
})

afterEach(() => {
  live.live.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a page that is told when the line is open again', () => {
  it('hears it too where it asked while there was no line', async () => {
    live.live.start()
    await vi.advanceTimersByTimeAsync(10)
    Line.opens = false
    Line.all[0]?.cut()
    expect(live.live.state.value).toBe('lost')

    const told = vi.fn()
    live.onReconnect(told)
    Line.opens = true
    await vi.advanceTimersByTimeAsync(5_000)
    expect([live.live.state.value, told.mock.calls.length]).toEqual(['open', 1])
  })

  it('hears nothing of the first line', async () => {
    const told = vi.fn()
    live.onReconnect(told)
    live.live.start()
    await vi.advanceTimersByTimeAsync(10)
    expect([live.live.state.value, told.mock.calls.length]).toEqual(['open', 0])
  })
})

describe('a socket that takes over from polling', () => {
  it('is told again what the server was told before', async () => {
    Line.opens = false
    live.live.start()
    await vi.advanceTimersByTimeAsync(15_000)
    expect([live.live.state.value, live.live.transport.value]).toEqual(['open', 'polling'])
    const { Reads } = await import('../src/conversations/stores/reads')
    const scope = effectScope()
    const reads = scope.run(() => new Reads(() => undefined))
    reads?.tell('c1', 7)
    const lost = vi.fn()
    live.onReconnect(lost)

    Line.opens = true
    await vi.advanceTimersByTimeAsync(PROBE_MS)
    expect([live.live.state.value, live.live.transport.value]).toEqual(['open', 'socket'])
    expect(Line.all.at(-1)?.sent).toContainEqual({ type: 'read', conversation_id: 'c1', seq: 7 })
    expect(lost).not.toHaveBeenCalled()
    scope.stop()
  })
})

describe('the bar above a view', () => {
  it('goes by the server’s hour, whatever this machine thinks', async () => {
    window.sessionStorage.setItem('qiatan.view', 'ticket')
    vi.resetModules()
    live = await import('../src/live')
    const { view } = await import('../src/view')
    const { useSession } = await import('../src/stores/session')
    const { default: ViewBanner } = await import('../src/app/ViewBanner.vue')
    await (await import('../src/i18n')).setLocale('zh-CN')
    vi.setSystemTime('2026-11-22T10:20:00Z')
    Line.hour = '2026-11-22T10:00:00Z'
    useSession().me = { agent: { id: 'a', name: '程思远' }, viewer: { id: 'v', name: '管理员', expires_at: '2026-11-22T10:15:00Z' } } as unknown as Me
    const bar = mount(ViewBanner)
    await vi.advanceTimersByTimeAsync(10)
    expect([view.ended.value, bar.find('.left').exists()]).toEqual([false, false])

    live.live.start()
    await vi.advanceTimersByTimeAsync(10)
    expect([view.ended.value, bar.get('.left').text()]).toEqual([false, '剩余 15:00'])
    live.live.stop()
    await vi.advanceTimersByTimeAsync(15 * 60_000)
    expect(view.ended.value).toBe(true)
    bar.unmount()
  })
})
