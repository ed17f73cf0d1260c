import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveConnection, digest, type LiveState, type ServerFrame } from '../src'
import { FakeServer, FakeSocket } from './fake-server'

let server: FakeServer
let live: LiveConnection
let states: LiveState[]

// loaded beforehand: an import waits for the disk, which fake timers do not move
beforeAll(() => import('../src/poll-wire'))
beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  FakeSocket.server = server
  FakeSocket.made = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('network')))
  live = new LiveConnection({ token: () => 'tok' })
  states = []
  live.on('state', ({ state }) => states.push(state))
})
afterEach(() => {
  live.stop()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const tick = (ms = 10): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

describe('LiveConnection over a socket', () => {
  it('says hello with the token, is open after the welcome, and subscribes', async () => {
    live.subscribe('mine')
    expect(live.send({ type: 'ping' })).toBe(false)
    live.start()
    await tick()
    expect(states).toEqual(['connecting', 'open'])
    expect(FakeSocket.made[0]?.url).toMatch(/^ws:.*\/api\/v1\/socket$/)
    expect(FakeSocket.made[0]?.heard).toEqual([
      { type: 'hello', token: 'tok', protocol: 1 },
      { type: 'subscribe', topic: 'mine' },
    ])
  })

  it('names in its hello whom an agent looks as', async () => {
    const looking = new LiveConnection({ viewAs: () => 'ticket' })
    looking.start()
    await tick()
    expect(FakeSocket.made[0]?.heard[0]).toEqual({ type: 'hello', view_as: 'ticket', protocol: 1 })
    looking.stop()
  })

  it.each(['view_ended', 'two_factor_required'] as const)('ends for good when the server says %s', async (code) => {
    const ended: string[] = []
    live.on('ended', (end) => ended.push(end.code))
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code, message: '' })
    await tick(60_000)
    expect(ended).toEqual([code])
    expect(live.state).toBe('closed')
    expect(FakeSocket.made).toHaveLength(1)
  })

  it('hands on its frames when the page is ready for them, in order, and none after it was stopped', async () => {
    const hands: (() => void)[] = []
    const heard: string[] = []
    const slow = new LiveConnection({ pace: (hand) => hands.push(hand) })
    for (const type of ['welcome', 'message', 'read'] as const) slow.on(type, () => heard.push(type))
    slow.start()
    await tick()
    for (const socket of server.sockets) {
      socket.tell({ type: 'message', ...server.append({ text: 'a' }) })
      socket.tell({ type: 'read', conversation_id: 'c1', side: 'customer', seq: 1 })
    }
    await tick()
    expect(heard).toEqual([])
    for (const hand of hands.splice(0)) hand()
    expect(heard).toEqual(['welcome', 'message', 'read'])
    for (const socket of server.sockets) socket.tell({ type: 'message', ...server.append({ text: 'b' }) })
    await tick()
    slow.stop()
    slow.start()
    for (const hand of hands.splice(0)) hand()
    expect(heard).toEqual(['welcome', 'message', 'read'])
    slow.stop()
  })

  it('comes back after a cut and subscribes to what is still wanted', async () => {
    live.subscribe('mine')
    live.subscribe('conversation', 'c9')
    live.start()
    await tick()
    live.unsubscribe('conversation', 'c9')
    server.cutAll()
    expect(states.at(-1)).toBe('lost')
    await tick(1100)
    expect(states.at(-1)).toBe('open')
    expect(FakeSocket.made[1]?.heard.slice(1)).toEqual([{ type: 'subscribe', topic: 'mine' }])
  })

  it('notices a line that is dead without saying so', async () => {
    live.start()
    await tick()
    server.loses = () => true
    await tick(30_000)
    expect(live.state).toBe('open')
    await tick(10_100)
    expect(live.state).toBe('lost')
    server.loses = () => false
    await tick(1100)
    expect(live.state).toBe('open')
  })

  it('asks the line at once when the page wakes up', async () => {
    live.start()
    await tick()
    server.loses = () => true
    document.dispatchEvent(new Event('visibilitychange'))
    await tick(5500)
    expect(states.at(-1)).toBe('lost')
  })

  it.each(['signed_out', 'token_expired'] as const)('stays away after bye %s, until started again', async (code) => {
    const ended: string[] = []
    live.on('ended', (event) => ended.push(event.code))
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code, message: '' })
    await tick(60_000)
    expect(ended).toEqual([code])
    expect(live.state).toBe('closed')
    expect(FakeSocket.made.length).toBe(1)
    live.start()
    await tick()
    expect(live.state).toBe('open')
  })

  it.each(['restarting', 'slow_reader', 'idle', 'replaced'] as const)('comes back after bye %s', async (code) => {
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code, message: '' })
    await tick()
    server.cutAll(1012)
    await tick(1100)
    expect(live.state).toBe('open')
  })

  it.each([
    { drawn: 0, within: undefined, after: 100 },
    { drawn: 0.999, within: undefined, after: 400 },
    { drawn: 0, within: 4, after: 100 },
    { drawn: 0.5, within: 4, after: 2100 },
    { drawn: 1, within: 600, after: 15_100 },
  ])('comes back $after ms after a restart that asks to spread over $within s, with $drawn drawn', async ({ drawn, within, after }) => {
    vi.spyOn(Math, 'random').mockReturnValue(drawn)
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code: 'restarting', message: '', ...(within ? { within } : {}) })
    await tick()
    server.cutAll(1012)
    await tick(after - 20)
    expect(states.at(-1)).toBe('lost')
    await tick(60)
    expect(states.at(-1)).toBe('open')
  })

  it('spreads its return over what many whose rights changed are told', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code: 'replaced', message: '', within: 4 })
    await tick()
    server.cutAll(1012)
    await tick(2_080)
    expect(states.at(-1)).toBe('lost')
    await tick(60)
    expect(states.at(-1)).toBe('open')
  })

  it('backs off as ever when nobody is there after the restart', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    live.start()
    await tick()
    for (const socket of server.sockets) socket.tell({ type: 'bye', code: 'restarting', message: '' })
    await tick()
    server.accepting = false
    server.cutAll(1012)
    await tick(120)
    expect(FakeSocket.made).toHaveLength(2)
    await tick(380)
    expect(FakeSocket.made).toHaveLength(2)
    server.accepting = true
    await tick(1_000)
    expect(FakeSocket.made).toHaveLength(3)
    expect(live.state).toBe('open')
  })

  it('subscribes again when the digest differs, and only then', async () => {
    const heads = [
      { id: 'b', head: 2, version: 3 },
      { id: 'a', head: 1, version: 1 },
    ]
    live.stop()
    live = new LiveConnection({ token: () => 'tok', digestOf: () => heads })
    live.subscribe('mine')
    live.start()
    await tick()
    server.digest = await digest(heads)
    expect(server.digest).toMatch(/^[0-9a-f]{16}$/)
    await tick(30_100)
    const count = (): number => FakeSocket.made[0]!.heard.filter((frame) => frame.type === 'subscribe').length
    expect(count()).toBe(1)
    server.digest = '0000000000000000'
    await tick(30_100)
    vi.useRealTimers()
    await vi.waitFor(() => expect(count()).toBe(2))
  })

  it('survives messages that are not frames', async () => {
    live.start()
    await tick()
    for (const data of ['{', '{}', '[1,null,{"x":1}]', '[{"type":"from_the_future"}]']) FakeSocket.made[0]?.onmessage?.({ data })
    expect(live.state).toBe('open')
  })
})

describe('LiveConnection without WebSocket', () => {
  function pollServer(): { calls: { url: string; body: Record<string, unknown> }[]; answer: (frames: ServerFrame[]) => void; fail: { status: number; code: string } | null } {
    const state = {
      calls: [] as { url: string; body: Record<string, unknown> }[],
      answer: (_frames: ServerFrame[]): void => undefined,
      fail: null as { status: number; code: string } | null,
    }
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const body = JSON.parse(init.body as string) as Record<string, unknown>
      state.calls.push({ url, body })
      const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json' } })
      if (state.fail) return json({ error: { code: state.fail.code } }, state.fail.status)
      if (body.hello) return json({ poll_id: 'p1' })
      const said = body.frames as { type: string }[]
      if (said.length > 0) return json({ frames: said.some(({ type }) => type === 'ping') ? [{ type: 'pong', at: '' }] : [] })
      return await new Promise<Response>((resolve, reject) => {
        state.answer = (frames) => resolve(json({ frames }))
        setTimeout(() => state.answer([]), 25_000)
        init.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))
      })
    })
    return state
  }

  it('polls after three failed sockets, with the same frames and calls', async () => {
    server.accepting = false
    const poll = pollServer()
    const seen: ServerFrame[] = []
    live.on('availability', (frame) => seen.push(frame))
    live.subscribe('mine')
    live.start()
    await tick(6000)
    expect(live.state).toBe('open')
    expect(live.transport).toBe('polling')
    expect(FakeSocket.made.length).toBe(3)
    expect(poll.calls[0]).toEqual({ url: '/api/v1/poll', body: { hello: { type: 'hello', token: 'tok', protocol: 1 } } })
    expect(poll.calls).toContainEqual({ url: '/api/v1/poll/p1', body: { frames: [{ type: 'subscribe', topic: 'mine' }] } })
    poll.answer([{ type: 'availability', online: true }])
    await tick()
    expect(seen).toEqual([{ type: 'availability', online: true }])
    expect(live.send({ type: 'typing' })).toBe(true)
    await tick()
    expect(poll.calls.at(-1)?.body).toEqual({ frames: [{ type: 'typing' }] })
  })

  it('polls when no socket opens within five seconds', async () => {
    vi.stubGlobal('WebSocket', class { static OPEN = 1; readyState = 0; close(): void { this.readyState = 3 } })
    pollServer()
    live.start()
    await tick(5100)
    expect(live.transport).toBe('polling')
  })

  it('goes back to the socket when one gets through, without a break', async () => {
    server.accepting = false
    pollServer()
    live.start()
    await tick(6000)
    server.accepting = true
    const before = states.length
    await tick(60_100)
    expect(live.transport).toBe('socket')
    expect(states.slice(before)).toEqual(['open'])
    server.cutAll()
    await tick(1500)
    expect(live.state).toBe('open')
  })

  it('starts again when the poll is gone, and stops when the sign-in is', async () => {
    server.accepting = false
    const poll = pollServer()
    const ended: string[] = []
    live.on('ended', (event) => ended.push(event.code))
    live.start()
    await tick(6000)
    poll.fail = { status: 404, code: 'not_found' }
    live.send({ type: 'typing' })
    await tick()
    expect(live.state).toBe('lost')
    poll.fail = { status: 401, code: 'not_signed_in' }
    await tick(20_000)
    expect(live.state).toBe('closed')
    expect(ended).toEqual(['signed_out'])
  })

  it('tries both again and again while the server is down, the socket first', async () => {
    server.accepting = false
    live.start()
    await tick(120_000)
    expect(live.state).toBe('lost')
    expect(FakeSocket.made.length).toBeGreaterThan(8)
    server.accepting = true
    await tick(16_000)
    expect(live.transport).toBe('socket')
  })
})
