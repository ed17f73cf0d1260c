/**
 * On a phone, Back closes the panel and not the page: opening adds a history entry with the same address, which Back takes away again.
 * `leave` answers whether the panel had been entered, and takes the entry away where Back did not.
 */
export function onBack(close: () => void): { enter: () => void; leave: () => boolean } {
  let entered = false
  const mine = (): boolean => (history.state as { qiatan?: unknown } | null)?.qiatan === 1
  window.addEventListener('popstate', () => {
    if (entered && !mine()) close()
  })
  return {
    enter: () => {
      entered = true
      history.pushState({ ...(history.state as object | null), qiatan: 1 }, '')
    },
    leave: () => {
      if (!entered) return false
      entered = false
      if (mine()) history.back()
      return true
    },
  }
}
