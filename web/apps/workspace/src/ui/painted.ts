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
