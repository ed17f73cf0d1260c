// @vitest-environment jsdom
import type { Me, Preferences } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useChoices } from '../src/stores/choices'
import { useSession } from '../src/stores/session'

vi.mock('../src/live', async (original) => ({ ...(await original<object>()), onFrame: () => () => undefined, onReconnect: () => () => undefined }))

const STORED: Preferences = {
  send_mode: 'enter',
  insert_replies: false,
  shortcuts: { enabled: true, keys: {} },
  sounds: { message: 'chime', transfer: 'bell', queue: 'drop' },
  desktop: false,
  quiet_hours: { enabled: true, start: '22:00', until: '08:00', days: [6, 7] },
  push_preview: true,
}
let stored = STORED
let version = 1

beforeEach(() => {
  setActivePinia(createPinia())
  stored = STORED
  version = 1
  vi.stubGlobal('fetch', vi.fn((_: string, asked?: RequestInit) => {
    if (asked?.method === 'PUT') {
      const body = JSON.parse(String(asked.body)) as { settings: Preferences, version: number }
      stored = body.settings
      version += 1
    }
    return Promise.resolve(new Response(JSON.stringify({ settings: stored, version })))
  }))
  useSession().me = { agent: { id: 'me' }, points: [] } as unknown as Me
})
afterEach(() => { vi.unstubAllGlobals() })

it('keeps both of two changes inside one setting that follow each other before the first is saved', async () => {
  const choices = useChoices()
  await choices.load()

  const first = choices.change((now) => ({ quiet_hours: { ...now.quiet_hours, start: '21:30' } }))
  const second = choices.change((now) => ({ quiet_hours: { ...now.quiet_hours, days: [6] } }))
  await Promise.all([first, second])

  expect(stored.quiet_hours).toEqual({ enabled: true, start: '21:30', until: '08:00', days: [6] })
  expect(choices.settings.quiet_hours).toEqual(stored.quiet_hours)
})
