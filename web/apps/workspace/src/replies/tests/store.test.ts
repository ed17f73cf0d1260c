// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useChoices } from '../../stores/choices'
import { useSession } from '../../stores/session'
import { useReplies } from '../store'
import { reply } from './make'

const listeners = vi.hoisted(() => new Map<string, (frame: { owner?: string }) => void>())
vi.mock('../../live', async (original) => ({
  ...(await original<object>()),
  onFrame: (type: string, listener: (frame: { owner?: string }) => void) => {
    listeners.set(type, listener)
    return () => listeners.delete(type)
  },
}))

let asked = 0
beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  setActivePinia(createPinia())
  asked = 0
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    if (!url.includes('/replies')) return Promise.resolve(new Response('{}'))
    asked += 1
    const entries = Array.from({ length: 1_000 }, (_, index) => reply(`第 ${index} 条`, { id: String(index) }))
    return Promise.resolve(new Response(JSON.stringify({ version: String(asked), unchanged: false, groups: [], entries })))
  }))
  useSession().me = { agent: { id: 'me' }, points: ['replies.use'] } as unknown as Me
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

async function loaded(): Promise<ReturnType<typeof useReplies>> {
  const replies = useReplies()
  await replies.load()
  return replies
}

function changed(owner: 'enterprise' | 'own'): void {
  listeners.get('replies_changed')?.({ owner })
}

describe('a change of quick replies', () => {
  it('of everybody’s is fetched at a moment of one’s own, and several at once', async () => {
    await loaded()
    changed('enterprise')
    await vi.advanceTimersByTimeAsync(1_000)
    changed('enterprise')
    await vi.advanceTimersByTimeAsync(1_499)
    expect(asked).toBe(1)

    await vi.advanceTimersByTimeAsync(10)
    expect(asked).toBe(2)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked).toBe(2)
  })

  it('of one’s own is fetched at once, and so is everybody’s by whoever opens them', async () => {
    const replies = await loaded()
    changed('own')
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toBe(2)

    changed('enterprise')
    replies.ensure()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked).toBe(3)
  })
})

describe('an answer with changes', () => {
  async function afterwards(told: object): Promise<[string, string][]> {
    const replies = await loaded()
    let asked = ''
    vi.stubGlobal('fetch', vi.fn((url: string) => {
      asked = url
      return Promise.resolve(new Response(JSON.stringify({ version: '2', unchanged: false, groups: [], ...told })))
    }))
    await replies.load()
    expect(asked).toContain('since_version=1&changes=1')
    return replies.entries.filter((one) => ['0', '1', '2', 'new'].includes(one.id)).map((one) => [one.id, one.title])
  }

  it('puts what is other in its place and adds what is new', async () => {
    const entries = [reply('别的', { id: '1' }), reply('新的', { id: 'new' })]
    expect(await afterwards({ complete: false, entries, ids: null })).toEqual([['0', '第 0 条'], ['1', '别的'], ['2', '第 2 条'], ['new', '新的']])
  })

  it('takes away what is not there any more', async () => {
    expect(await afterwards({ complete: false, entries: [], ids: ['2', '0'] })).toEqual([['2', '第 2 条'], ['0', '第 0 条']])
  })

  it('of a server of an earlier release is everything there is', async () => {
    expect(await afterwards({ entries: [reply('新的', { id: 'new' })] })).toEqual([['new', '新的']])
  })
})

describe('putting replies into the input first', () => {
  it('holds from the moment it is chosen, before it is saved', async () => {
    const replies = useReplies()
    let save = (): void => undefined
    vi.spyOn(useChoices(), 'change').mockReturnValue(new Promise((resolve) => { save = resolve }))
    replies.inserts = true
    expect(replies.inserts).toBe(true)

    save()
    await vi.advanceTimersByTimeAsync(0)
    // What the server has said by then holds.
    expect(replies.inserts).toBe(false)
  })

  it('is as it was where it could not be saved', async () => {
    const replies = useReplies()
    vi.spyOn(useChoices(), 'change').mockRejectedValue(new Error('no line'))
    replies.inserts = true
    await vi.advanceTimersByTimeAsync(0)

    expect(replies.inserts).toBe(false)
  })
})
