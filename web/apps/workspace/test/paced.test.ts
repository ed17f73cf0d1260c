// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { paced } from '../src/ui/painted'

let frames: FrameRequestCallback[]
let done: string[]
const draw = async (): Promise<void> => {
  for (const frame of frames.splice(0)) frame(0)
  await vi.advanceTimersByTimeAsync(1)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  frames = []
  done = []
  vi.stubGlobal('requestAnimationFrame', (frame: FrameRequestCallback) => frames.push(frame))
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('visible')
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('work that changes the page', () => {
  it('is done at once where it comes alone, and together once for each picture where it does not', async () => {
    const run = paced()
    const work = (name: string): void => run(() => done.push(name))
    work('a')
    expect(done).toEqual(['a'])
    work('b')
    work('c')
    expect(done).toEqual(['a'])
    await draw()
    expect(done).toEqual(['a', 'b', 'c'])
    work('d')
    expect(done).toEqual(['a', 'b', 'c'])
    await draw()
    expect(done).toEqual(['a', 'b', 'c', 'd'])
    await draw()
    work('e')
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('does not wait for pictures where none are drawn', async () => {
    vi.mocked(vi.spyOn(document, 'visibilityState', 'get')).mockReturnValue('hidden')
    const run = paced()
    run(() => done.push('a'))
    run(() => done.push('b'))
    expect(done).toEqual(['a'])
    await vi.waitFor(() => expect(done).toEqual(['a', 'b']))
    expect(frames).toEqual([])
  })

  it('waits no longer than a fifth of a second for a page that is covered without saying so', async () => {
    const run = paced()
    run(() => done.push('a'))
    run(() => done.push('b'))
    await vi.advanceTimersByTimeAsync(200)
    expect(done).toEqual(['a', 'b'])
  })
})
