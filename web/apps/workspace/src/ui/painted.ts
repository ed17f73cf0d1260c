/** A page that is covered draws no frames; it waits no longer than this. */
const LONGEST_MS = 200

/** Resolves after what stands on the page now was drawn: for work that can wait for it. At once where nothing is drawn. */
export function painted(): Promise<void> {
  if (document.visibilityState !== 'visible') return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LONGEST_MS)
    requestAnimationFrame(() => setTimeout(() => {
      clearTimeout(timer)
      resolve()
    }))
  })
}

/** Calls `work` when nothing more urgent is to be done, within half a second. Answers how to call it off. */
export function whenIdle(work: () => void): () => void {
  // Not every browser tells when it is idle.
  if (!('requestIdleCallback' in window)) {
    const timer = setTimeout(work, 100)
    return () => clearTimeout(timer)
  }
  const handle = requestIdleCallback(work, { timeout: 500 })
  return () => cancelIdleCallback(handle)
}

/** Calls `work` when idle after `rest` milliseconds: not for those who only pass by. Answers how to call it off. */
export function whenRested(rest: number, work: () => void): () => void {
  let stop: () => void
  const timer = setTimeout(() => { stop = whenIdle(work) }, rest)
  stop = () => clearTimeout(timer)
  return () => stop()
}

/** Resolves after what stands on the page now was drawn and nothing more urgent, as a key that was pressed, is to be done. */
export async function drawnAndIdle(): Promise<void> {
  await painted()
  await new Promise<void>((resolve) => { whenIdle(resolve) })
}

/** Resolves in a task of its own, behind those that wait already. Not by a timer: a page that is covered is given few of them. */
function soon(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}

/**
 * Runs work that changes the page, in order: at once what comes alone, and together, once for each picture, what comes faster than it can
 * be drawn. So a flood costs no more than the screen shows of it, and never leaves the page behind.
 */
export function paced(): (work: () => void) => void {
  let waiting: (() => void)[] | null = null

  async function gather(): Promise<void> {
    while (waiting) {
      await (document.visibilityState === 'visible' ? painted() : soon())
      const now: (() => void)[] = waiting
      waiting = now.length > 0 ? [] : null
      for (const work of now) work()
    }
  }

  return (work) => {
    if (waiting) {
      waiting.push(work)
      return
    }
    waiting = []
    void gather()
    work()
  }
}
