import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveConnection, MemoryStorage, Outbox, Timeline, messageOf, uuidv7, type KeyValueStorage } from '../src'
import { FakeServer, FakeSocket } from './fake-server'

// loaded beforehand: an import waits for the disk, which fake timers do not move
beforeAll(() => import('../src/poll-wire'))
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

interface Person {
  live: LiveConnection
  timeline: Timeline
  outbox: Outbox
  leave: () => void
}

function visitor(server: FakeServer, storage: KeyValueStorage): Person {
  const live = new LiveConnection({ token: () => 'tok' })
  const timeline = new Timeline({
    conversationId: server.conversationId,
    fetch: async (query) => {
      if (!server.accepting) throw new TypeError('network')
      return server.page(query)
    },
  })
  const outbox = new Outbox({
    scope: 'k',
    storage,
    send: (frame) => live.send(frame),
    upload: () => Promise.reject(new Error('no pictures here')),
    onAck: (entry, ack) => timeline.apply([messageOf(entry, ack, 'customer', 'v1')]),
  })
  live.on('subscribed', ({ conversations }) => void timeline.open(conversations[0]?.head).catch(() => undefined))
  live.on('message', (frame) => timeline.apply([frame]))
  live.on('ack', (frame) => outbox.acknowledged(frame))
  live.on('error', (frame) => outbox.refused(frame))
  live.on('state', ({ state }) => outbox.setOnline(state === 'open'))
  live.subscribe('mine')
  live.start()
  return {
    live,
    timeline,
    outbox,
    leave: () => {
      live.stop()
      outbox.dispose()
      timeline.dispose()
    },
  }
}

type Step =
  | { do: 'say'; who: 0 | 1 }
  | { do: 'agent' }
  | { do: 'cut' }
  | { do: 'restart'; within: number }
  | { do: 'down'; ms: number }
  | { do: 'reload'; who: 0 | 1 }
  | { do: 'wait'; ms: number }

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), who: fc.constantFrom(0 as const, 1 as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('agent' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), within: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('down' as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const), who: fc.constantFrom(0 as const, 1 as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 400 }) }) },
)

describe('connection, timeline and outbox together', () => {
  it('lose, double and disorder nothing, whatever the line does to two tabs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.infiniteStream(fc.integer({ min: 0, max: 9 })), async (steps: Step[], luck) => {
        const server = new FakeServer()
        FakeSocket.server = server
        server.loses = (frame) => (frame.type === 'message' || frame.type === 'ack' || frame.type === 'send') && luck.next().value === 0
        const storage = new MemoryStorage()
        const people = [visitor(server, storage), visitor(server, storage)]
        const said: string[] = []
        for (const action of steps) {
          if (action.do === 'say') {
            const text = `m${said.length}`
            said.push(text)
            people[action.who]!.outbox.text(text)
          } else if (action.do === 'agent') {
            server.publish(server.append({ text: 'agent', client_message_id: uuidv7() }))
          } else if (action.do === 'cut') {
            server.cutAll()
          } else if (action.do === 'restart') {
            for (const socket of server.sockets) socket.tell({ type: 'bye', code: 'restarting', message: '', within: action.within })
            await vi.advanceTimersByTimeAsync(2)
            server.cutAll(1012)
          } else if (action.do === 'down') {
            server.accepting = false
            server.cutAll()
            await vi.advanceTimersByTimeAsync(action.ms)
            server.accepting = true
          } else if (action.do === 'reload') {
            people[action.who]!.leave()
            people[action.who] = visitor(server, storage)
          } else {
            await vi.advanceTimersByTimeAsync(action.ms)
          }
        }
        server.loses = () => false
        await vi.advanceTimersByTimeAsync(120_000)
        server.cutAll()
        await vi.advanceTimersByTimeAsync(30_000)
        const own = server.log.filter((message) => message.sender_kind === 'customer').map((message) => message.text)
        expect([...own].sort()).toEqual([...said].sort())
        for (const person of people) {
          expect(person.timeline.items.map(({ seq, text }) => [seq, text])).toEqual(server.log.map(({ seq, text }) => [seq, text]))
          expect(person.outbox.entries).toEqual([])
          person.leave()
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
