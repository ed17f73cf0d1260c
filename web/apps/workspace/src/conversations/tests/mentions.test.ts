// @vitest-environment jsdom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useMentions } from '../stores/mentions'

vi.mock('../../live', () => ({ live: { state: { value: 'open' } } }))

const mention = (conversation_id: string, seq = 1) => ({ conversation_id, seq, by_id: 'gu', by_name: '顾南乔', preview: '@我', at: '2026-11-22T06:00:00Z' })
let tell: (items: unknown[]) => void

beforeEach(() => {
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', vi.fn((_url: string, init?: RequestInit) => init?.method && init.method !== 'GET'
    ? Promise.resolve(new Response('null'))
    : new Promise<Response>((resolve) => { tell = (items) => resolve(new Response(JSON.stringify({ items, next: null }))) })))
})

describe('notes that call me by name', () => {
  it('that come while the server still answers what it had before are not forgotten', async () => {
    const mentions = useMentions()
    mentions.accept(mention('old'))
    const loading = mentions.load()
    mentions.accept(mention('new'))
    tell([{ ...mention('kept'), read: false }])
    await loading

    expect([...mentions.unread.keys()].sort()).toEqual(['kept', 'new'])
  })

  it('that were read meanwhile do not come back', async () => {
    const mentions = useMentions()
    mentions.accept(mention('a'))
    const loading = mentions.load()
    mentions.forget('a')
    tell([{ ...mention('a'), read: false }])
    await loading

    expect(mentions.count).toBe(0)
  })
})
