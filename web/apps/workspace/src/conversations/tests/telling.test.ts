// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useDrafts } from '../stores/drafts'

const line = vi.hoisted(() => ({ state: { value: 'open' }, ahead: { value: 0 } }))
vi.mock('../../live', async () => {
  const { shallowRef } = await import('vue')
  return { live: Object.assign(line, { state: shallowRef('open'), ahead: shallowRef(0) }) }
})

const NOBODYS = { status: 404, body: { error: { code: 'not_found', message: '', request_id: 'r' } } }
let refusal: { status: number; body: unknown } | null
/** What waits for the answer to which drafts the server has. */
let asked: ((items: unknown[]) => void)[]

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.useFakeTimers()
  line.state.value = 'open'
  refusal = null
  asked = []
  vi.stubGlobal('fetch', vi.fn((_url: string, init?: RequestInit) => {
    if (init?.method !== 'PUT') return new Promise((resolve) => asked.push((items) => resolve(new Response(JSON.stringify({ items })))))
    return Promise.resolve(refusal ? new Response(JSON.stringify(refusal.body), { status: refusal.status }) : new Response('{}'))
  }))
})

async function pause(): Promise<void> {
  await vi.advanceTimersByTimeAsync(2_000)
  vi.useRealTimers()
  await flushPromises()
  vi.useFakeTimers()
}

/** The line comes back and the server says which drafts it has. */
async function compare(items: unknown[]): Promise<void> {
  const loading = useDrafts().load()
  await pause()
  asked.pop()?.(items)
  await loading
}

describe('what was written and not sent', () => {
  it('stays here where the server refused to keep it, and does not have it', async () => {
    const drafts = useDrafts()
    drafts.open('me')
    refusal = NOBODYS
    drafts.write('a', '稍等，我查一下')
    await pause()

    await compare([])

    expect(drafts.read('a')).toBe('稍等，我查一下')
    drafts.reset()
    drafts.open('me')
    expect(drafts.read('a')).toBe('稍等，我查一下')
  })

  it('stays here where it was told while the server was still answering what it had before', async () => {
    const drafts = useDrafts()
    drafts.open('me')
    drafts.write('a', '断线时写的')
    const loading = drafts.load()
    await pause()

    asked.pop()?.([])
    await loading

    expect(drafts.read('a')).toBe('断线时写的')
  })

  it('is gone here where another device has sent it since', async () => {
    const drafts = useDrafts()
    drafts.open('me')
    drafts.write('a', '两台设备都有')
    await pause()

    await compare([])

    expect(drafts.read('a')).toBe('')
    expect(localStorage.length).toBe(0)
  })

  it('is told again where too much was asked at once', async () => {
    const drafts = useDrafts()
    drafts.open('me')
    refusal = { status: 429, body: { error: { code: 'too_many', message: '', request_id: 'r' } } }
    drafts.write('a', '别丢')
    await pause()
    refusal = null

    await compare([])
    await compare([{ conversation_id: 'a', note: false, text: '别丢', at: new Date(0).toISOString() }])

    expect(drafts.read('a')).toBe('别丢')
    expect(JSON.parse(localStorage.getItem('qiatan.draft.me.a') ?? '{}')).toMatchObject({ text: '别丢', synced: true })
  })
})
