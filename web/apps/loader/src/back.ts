/**
 * On a phone, Back closes the panel and not the page: opening adds a history entry with the same address, which Back takes away again.
 * `leave` answers whether the panel had been entered, and takes the entry away where Back did not.
 */
export function onBack(close: () => void): { enter: () => void; leave: () => boolean } {
  let mark = 0
  // each entry has its own: one from before a reload may still be in the history
  const mine = (): boolean => (history.state as { qiatan?: unknown } | null)?.qiatan === mark
  window.addEventListener('popstate', () => {
    if (mark && !mine()) close()
  })
  return {
    enter: () => {
      mark = Date.now()
      history.pushState({ ...(history.state as object | null), qiatan: mark }, '')
    },
    leave: () => {
      if (!mark) return false
      if (mine()) history.back()
      mark = 0
      return true
    },
  }
}
