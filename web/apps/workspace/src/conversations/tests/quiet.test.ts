import { describe, expect, it } from 'vitest'
import { isQuiet } from '../alerts/quiet'

const night = { enabled: true, start: '22:00', until: '08:00', days: [5] }
const noon = { enabled: true, start: '12:00', until: '13:30', days: [5] }

describe('quiet hours', () => {
  // 20 November 2026 is a Friday; Shanghai is eight hours ahead.
  it.each([
    [noon, '2026-11-20T03:59:59Z', false],
    [noon, '2026-11-20T04:00:00Z', true],
    [noon, '2026-11-20T05:29:00Z', true],
    [noon, '2026-11-20T05:30:00Z', false],
    [noon, '2026-11-21T04:00:00Z', false],
    [night, '2026-11-19T23:00:00Z', false],
    [night, '2026-11-20T14:00:00Z', true],
    [night, '2026-11-20T23:59:00Z', true],
    [night, '2026-11-21T00:00:00Z', false],
    [{ ...night, enabled: false }, '2026-11-20T14:00:00Z', false],
  ])('%o at %s: %s', (hours, at, quiet) => {
    expect(isQuiet(hours, new Date(at), 'Asia/Shanghai')).toBe(quiet)
  })
})
