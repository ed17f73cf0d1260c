// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { switchPushOn, WORKER_WITHIN_MS, WorkerMissing } from '../push'

const never = new Promise<never>(() => undefined)
let calls: string[]
const made = { toJSON: () => ({ endpoint: 'https://push.example/1', keys: { p256dh: 'p', auth: 'a' } }) }
const registration = { pushManager: { getSubscription: () => Promise.resolve(null), subscribe: () => Promise.resolve(made) } }

function browser(worker: { register: () => Promise<unknown>; ready: Promise<unknown> }): void {
  Object.defineProperty(navigator, 'serviceWorker', { configurable: true, value: worker })
}

beforeEach(() => {
  vi.useFakeTimers()
  calls = []
  window.localStorage.removeItem('qiatan.push')
  vi.stubGlobal('Notification', { permission: 'granted', requestPermission: () => Promise.resolve('granted') })
  vi.stubGlobal('fetch', vi.fn((url: string, init?: RequestInit) => {
    calls.push(`${init?.method ?? 'GET'} ${url}`)
    return Promise.resolve(new Response(JSON.stringify({ public_key: 'k', endpoint: null })))
  }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  Reflect.deleteProperty(navigator, 'serviceWorker')
})

describe('switching push on', () => {
  it('subscribes by the service worker, and tells the server', async () => {
    browser({ register: () => Promise.resolve(registration), ready: Promise.resolve(registration) })
    expect(await switchPushOn('me')).toBe(true)
    expect([calls, window.localStorage.getItem('qiatan.push')]).toEqual([['GET /api/v1/me/push', 'PUT /api/v1/me/push'], 'me'])
  })

  it('fails where the service worker cannot be registered, and changes nothing', async () => {
    browser({ register: () => Promise.reject(new DOMException('storage is blocked', 'SecurityError')), ready: never })
    await expect(switchPushOn('me')).rejects.toBeInstanceOf(WorkerMissing)
    expect([calls, window.localStorage.getItem('qiatan.push')]).toEqual([[], null])
  })

  it.each([
    ['registering has no end', { register: () => never, ready: never }],
    ['the registered one never runs', { register: () => Promise.resolve(registration), ready: never }],
  ])('fails after a while where %s, and changes nothing', async (_, worker) => {
    browser(worker)
    const failing = expect(switchPushOn('me')).rejects.toBeInstanceOf(WorkerMissing)
    await vi.advanceTimersByTimeAsync(WORKER_WITHIN_MS)
    await failing
    expect([calls, window.localStorage.getItem('qiatan.push')]).toEqual([[], null])
  })
})
