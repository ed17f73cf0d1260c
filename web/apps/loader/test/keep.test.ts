import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keeper, type Kept } from '../src/keep'

const SLOT = 'qiatan:k'
const stored = (): Kept => JSON.parse(localStorage.getItem(SLOT) ?? 'null') as Kept

beforeEach(() => localStorage.clear())
afterEach(() => vi.unstubAllGlobals())

describe('keeper', () => {
  it('writes nothing before the visitor opened the panel here', () => {
    const store = keeper(SLOT, () => undefined)
    store.write({ a: ['1', 1] }, false)
    expect(localStorage.length).toBe(0)
    store.write({ a: ['1', 1] }, true)
    store.write({ b: ['2', 2] }, false)
    expect(stored()).toEqual({ a: ['1', 1], b: ['2', 2] })
    expect(localStorage.length).toBe(1)
  })

  it('lets the newest of several tabs win, name by name, and forgets removals after a while', () => {
    const now = Date.now()
    const store = keeper(SLOT, () => undefined)
    store.write({ a: ['new', now], gone: ['x', 1], old: [null, now - 61_000] }, true)
    store.write({ a: ['late', now - 5], gone: [null, now] }, true)
    expect(stored()).toEqual({ a: ['new', now], gone: [null, now] })
  })

  it('keeps at most 200 kB and leaves what it has', () => {
    const store = keeper(SLOT, () => undefined)
    store.write({ a: ['1', 1] }, true)
    store.write({ b: ['x'.repeat(100_000), 2] }, true)
    expect(stored()).toEqual({ a: ['1', 1] })
  })

  it('bears nonsense in its place and in its messages', () => {
    const store = keeper(SLOT, () => undefined)
    for (const bad of ['{', 'null', '7', '"x"', '[1]', '{"a":null,"b":[1,2],"c":["x"]}']) {
      localStorage.setItem(SLOT, bad)
      expect(store.read()).toEqual({})
    }
    for (const odd of [null, undefined, 1, 'text', { a: 'x' }]) store.write(odd, true)
    expect(stored()).toEqual({})
  })

  it('says so where the page’s storage is refused', () => {
    const store = keeper(SLOT, () => undefined)
    vi.stubGlobal('localStorage', null)
    expect(store.read()).toBeNull()
    store.write({ a: ['1', 1] }, true)
    vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => { throw new DOMException('full', 'QuotaExceededError') } })
    store.write({ a: ['1', 1] }, true)
    expect(store.read()).toEqual({})
  })

  it('tells what another tab wrote, under its own name only', () => {
    const heard: Kept[] = []
    keeper(SLOT, (kept) => heard.push(kept))
    for (const [key, newValue] of [['other', '{"a":["1",1]}'], [SLOT, null], [SLOT, '{"a":["1",1],"b":7}']] as const) {
      window.dispatchEvent(new StorageEvent('storage', { key, newValue }))
    }
    expect(heard).toEqual([{ a: ['1', 1] }])
  })
})
