import { describe, expect, it } from 'vitest'
import { Backoff, uuidv7 } from '../src'

describe('uuidv7', () => {
  it('has the version and variant of RFC 9562', () => {
    expect(uuidv7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('sorts in the order of making, within a millisecond and when the clock steps back', () => {
    const now = Date.now() + 10_000
    const ids = Array.from({ length: 9_000 }, (_, i) => uuidv7(i % 3 === 0 ? now - 5_000 : now))
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('Backoff', () => {
  it('waits between half a second and fifteen, and begins again after reset', () => {
    const low = new Backoff(500, 15_000, () => 0)
    const high = new Backoff(500, 15_000, () => 1)
    expect(Array.from({ length: 8 }, () => low.next())).toEqual([500, 1000, 2000, 4000, 7500, 7500, 7500, 7500])
    expect(Array.from({ length: 8 }, () => high.next())).toEqual([1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000])
    low.reset()
    expect(low.next()).toBe(500)
  })
})
