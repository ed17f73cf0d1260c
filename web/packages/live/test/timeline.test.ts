import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Timeline, type Message, type PageQuery } from '../src'
import { FakeServer } from './fake-server'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a person has to see: everything but withdrawal rows, withdrawn ones emptied. */
function truth(server: FakeServer): Message[] {
  return server.log.filter((message) => message.kind !== 'withdrawal')
}

function watch(server: FakeServer, options: Partial<ConstructorParameters<typeof Timeline>[0]> = {}): { timeline: Timeline; fetches: PageQuery[]; shown: number[][] } {
  const fetches: PageQuery[] = []
  const shown: number[][] = []
  const timeline: Timeline = new Timeline({
    conversationId: server.conversationId,
    fetch: async (query) => {
      fetches.push(query)
      return server.page(query)
    },
    onChange: () => shown.push(timeline.items.map((message) => message.seq)),
    ...options,
  })
  return { timeline, fetches, shown }
}

describe('Timeline', () => {
  it('never asks beyond what a seq can be', async () => {
    const asked: PageQuery[] = []
    const head = 2_147_483_647
    const timeline = new Timeline({
      conversationId: 'c',
      fetch: async (query) => {
        asked.push(query)
        return { items: [], head, more: true }
      },
    })
    await timeline.open()
    await timeline.loadEarlier()
    expect(asked.map(({ before_seq }) => before_seq)).toEqual([2_000_000_000, 2_000_000_000])
    timeline.dispose()
  })

  it('reaches the same end whatever order, repetition and loss the frames suffered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ withdraws: fc.option(fc.nat(), { nil: null }), lost: fc.boolean(), twice: fc.boolean(), late: fc.nat(2000) }), { minLength: 1, maxLength: 40 }),
        async (plan) => {
          const server = new FakeServer()
          const { timeline, shown } = watch(server)
          await timeline.open()
          const arrivals: { at: number; message: Message }[] = []
          for (const { withdraws, lost, twice, late } of plan) {
            const target = withdraws !== null && server.log.length > 0 ? server.log[withdraws % server.log.length]! : null
            const message = target?.kind === 'text' && !target.withdrawn ? server.withdraw(target.seq) : server.append({ text: `t${server.log.length}` })
            // the frame carries what was true when it left
            if (!lost) arrivals.push({ at: late, message: { ...message } })
            if (twice) arrivals.push({ at: late + 7, message: { ...message } })
          }
          for (const { at, message } of arrivals) setTimeout(() => timeline.apply([message]), at)
          setTimeout(() => timeline.setHead(server.log.length), 1000)
          await vi.advanceTimersByTimeAsync(5_000)
          expect(timeline.items).toEqual(truth(server))
          expect(timeline.last).toBe(server.log.length)
          for (const seqs of shown) expect(seqs).toEqual(truth(server).map((m) => m.seq).slice(0, seqs.length))
          timeline.dispose()
        },
      ),
      { numRuns: 150 },
    )
  })

  it('fetches a gap only after 300 ms, and not at all when it fills by itself', async () => {
    const server = new FakeServer()
    const { timeline, fetches } = watch(server)
    await timeline.open()
    for (let i = 0; i < 4; i++) server.append({ text: String(i) })
    fetches.length = 0
    timeline.apply([server.log[1]!])
    expect(timeline.items).toEqual([])
    await vi.advanceTimersByTimeAsync(250)
    timeline.apply([server.log[0]!])
    await vi.advanceTimersByTimeAsync(1000)
    expect(fetches).toEqual([])
    expect(timeline.last).toBe(2)
    timeline.apply([server.log[3]!])
    await vi.advanceTimersByTimeAsync(299)
    expect(fetches).toEqual([])
    await vi.advanceTimersByTimeAsync(2)
    expect(fetches).toEqual([{ after_seq: 2, limit: 100 }])
    expect(timeline.last).toBe(4)
  })

  it('tries a failing fetch again until it succeeds', async () => {
    const server = new FakeServer()
    let down = false
    const errors: unknown[] = []
    const { timeline } = watch(server, {
      fetch: async (query) => {
        if (down) throw new Error('offline')
        return server.page(query)
      },
      onError: (error) => errors.push(error),
    })
    await timeline.open()
    server.append({ text: 'a' })
    down = true
    timeline.setHead(1)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(errors.length).toBeGreaterThan(2)
    down = false
    await vi.advanceTimersByTimeAsync(31_000)
    expect(timeline.items.map((message) => message.text)).toEqual(['a'])
  })

  it('loads upward page by page to the beginning', async () => {
    const server = new FakeServer()
    for (let i = 1; i <= 120; i++) server.append({ text: String(i) })
    const { timeline } = watch(server, { pageSize: 50 })
    await timeline.open(120)
    expect(timeline.items.length).toBe(50)
    expect(timeline.items[0]?.seq).toBe(71)
    expect(timeline.hasEarlier).toBe(true)
    await Promise.all([timeline.loadEarlier(), timeline.loadEarlier()])
    expect(timeline.items.length).toBe(100)
    await timeline.loadEarlier()
    expect(timeline.items.map((message) => message.seq)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
    expect(timeline.hasEarlier).toBe(false)
  })

  it('begins again at the newest page after a very long absence', async () => {
    const server = new FakeServer()
    server.append({ text: 'old' })
    const { timeline, fetches } = watch(server)
    await timeline.open()
    for (let i = 0; i < 3000; i++) server.append({ text: String(i) })
    fetches.length = 0
    timeline.setHead(server.log.length)
    await vi.advanceTimersByTimeAsync(1000)
    expect(fetches.length).toBe(1)
    expect(timeline.items.at(-1)?.seq).toBe(3001)
    expect(timeline.items.length).toBe(50)
    expect(timeline.hasEarlier).toBe(true)
  })

  it('forgets all but the newest when it is told to, and has the others fetched again by who scrolls up', async () => {
    const server = new FakeServer()
    const { timeline, fetches, shown } = watch(server, { pageSize: 50 })
    await timeline.open()
    for (let i = 1; i <= 300; i++) timeline.apply([server.append({ text: String(i), client_message_id: `m${i}` })])
    server.append({ kind: 'edit', text: 'changed', data: { seq: 150 } })
    timeline.apply([server.withdraw(199)])
    await vi.advanceTimersByTimeAsync(1000)
    fetches.length = 0
    expect(timeline.trim(400)).toBe(false)
    expect(timeline.trim(100)).toBe(true)
    expect([timeline.length, timeline.items[0]?.seq, timeline.last, timeline.hasEarlier]).toEqual([100, 203, 302, true])
    expect(shown.at(-1)).toEqual(timeline.items.map((message) => message.seq))
    expect([timeline.has('m202'), timeline.has('m203')]).toEqual([false, true])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fetches).toEqual([])
    await timeline.loadEarlier()
    expect(fetches).toEqual([{ before_seq: 203, limit: 50 }])
    expect([timeline.items[0]?.seq, timeline.at(199)?.withdrawn, timeline.at(199)?.text]).toEqual([153, true, null])
  })

  it('never brings a withdrawn text back', async () => {
    const server = new FakeServer()
    const { timeline } = watch(server)
    await timeline.open()
    const message = { ...server.append({ text: 'secret' }) }
    const withdrawal = server.withdraw(1)
    timeline.apply([withdrawal])
    timeline.apply([message])
    timeline.apply([message])
    expect(timeline.items).toEqual([{ ...message, text: null, withdrawn: true }])
  })

  it('ignores what belongs to another conversation', async () => {
    const server = new FakeServer()
    const { timeline } = watch(server)
    await timeline.open()
    timeline.apply([{ ...server.append({ text: 'x' }), conversation_id: 'c2' }])
    expect(timeline.items).toEqual([])
    expect(timeline.head).toBe(0)
  })
})
