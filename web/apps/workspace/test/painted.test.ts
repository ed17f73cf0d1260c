// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { whenRested } from '../src/ui/painted'

describe('work for whoever stays', () => {
  let idle: (() => void) | null
  beforeEach(() => {
    vi.useFakeTimers()
    idle = null
    vi.stubGlobal('requestIdleCallback', (work: () => void) => { idle = work; return 1 })
    vi.stubGlobal('cancelIdleCallback', () => { idle = null })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('waits for the rest, and then until nothing else is to be done', () => {
    const work = vi.fn()
    whenRested(120, work)
    vi.advanceTimersByTime(119)
    expect(idle).toBeNull()
    vi.advanceTimersByTime(1)
    expect(work).not.toHaveBeenCalled()
    idle?.()
    expect(work).toHaveBeenCalledOnce()
  })

  it('is called off during the rest', () => {
    const stop = whenRested(120, vi.fn())
    stop()
    vi.advanceTimersByTime(1_000)
    expect(idle).toBeNull()
  })

  it('is called off while it waits for idleness', () => {
    const stop = whenRested(120, vi.fn())
    vi.advanceTimersByTime(120)
    expect(idle).not.toBeNull()
    stop()
    expect(idle).toBeNull()
  })
})
