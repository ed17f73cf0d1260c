type Tell = (message: { type: 'drag'; distance: number } | { type: 'drop'; close: boolean }) => void

const FAR = 90
const FAST = 0.6

/** Pulling the header down draws the panel along and closes it when let go far or fast enough. Fetched on phones only. */
export function attachSwipe(element: HTMLElement, tell: Tell): void {
  let from: { y: number; at: number } | null = null
  let distance = 0

  function begin(event: TouchEvent): void {
    const touch = event.touches[0]
    from = touch && event.touches.length === 1 ? { y: touch.screenY, at: event.timeStamp } : null
    distance = 0
  }

  function move(event: TouchEvent): void {
    const touch = event.touches[0]
    if (!from || !touch) return
    distance = touch.screenY - from.y
    if (distance <= 0) return
    event.preventDefault()
    tell({ type: 'drag', distance })
  }

  function end(event: TouchEvent): void {
    if (!from) return
    const speed = distance / Math.max(1, event.timeStamp - from.at)
    tell({ type: 'drop', close: distance > FAR || (distance > 30 && speed > FAST) })
    from = null
  }

  element.addEventListener('touchstart', begin, { passive: true })
  element.addEventListener('touchmove', move, { passive: false })
  element.addEventListener('touchend', end)
  element.addEventListener('touchcancel', end)
}
