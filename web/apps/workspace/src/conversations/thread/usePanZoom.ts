import { computed, shallowRef, type Ref } from 'vue'

const STEPS = [1, 1.5, 2, 3, 4, 6, 8]
const MOST = 8

/** Looks closer at something in a frame: steps and wheel zoom around the pointer, a drag moves it, two fingers do both. */
export function usePanZoom(stage: Readonly<Ref<HTMLElement | null>>) {
  const scale = shallowRef(1)
  const turned = shallowRef(0)
  const offset = shallowRef({ x: 0, y: 0 })
  const fingers = new Map<number, { x: number; y: number }>()
  let spread = 0

  const style = computed(() => ({ transform: `translate(${offset.value.x}px, ${offset.value.y}px) scale(${scale.value}) rotate(${turned.value}deg)` }))

  /** Zooms so that what lies under the point stays there. */
  function zoomTo(next: number, at?: { x: number; y: number }): void {
    const wanted = Math.min(MOST, Math.max(1, next))
    const box = stage.value?.getBoundingClientRect()
    const factor = wanted / scale.value
    if (wanted === 1) offset.value = { x: 0, y: 0 }
    else if (box) {
      const x = at ? at.x - box.left - box.width / 2 : 0
      const y = at ? at.y - box.top - box.height / 2 : 0
      offset.value = inside({ x: x - (x - offset.value.x) * factor, y: y - (y - offset.value.y) * factor }, wanted)
    }
    scale.value = wanted
  }

  /** The picture never leaves the frame altogether. */
  function inside({ x, y }: { x: number; y: number }, at = scale.value): { x: number; y: number } {
    const box = stage.value
    if (!box) return { x, y }
    const limit = (value: number, size: number): number => Math.min(size * at / 2, Math.max(-size * at / 2, value))
    return { x: limit(x, box.clientWidth), y: limit(y, box.clientHeight) }
  }

  /** One step closer or farther; `by` of several steps for a double click. */
  function zoom(by: number): void {
    const at = STEPS.findIndex((step) => step >= scale.value - 0.01)
    zoomTo(STEPS[Math.min(STEPS.length - 1, Math.max(0, at + (by > 1 ? 2 : by)))] ?? 1)
  }

  function reset(): void {
    scale.value = 1
    turned.value = 0
    offset.value = { x: 0, y: 0 }
  }

  function rotate(): void {
    turned.value += 90
    offset.value = { x: 0, y: 0 }
  }

  function onWheel(event: WheelEvent): void {
    zoomTo(scale.value * Math.exp(-event.deltaY / (event.deltaMode === 0 ? 300 : 12)), { x: event.clientX, y: event.clientY })
  }

  function onDown(event: PointerEvent): void {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    spread = distance()
    if (scale.value > 1) stage.value?.setPointerCapture(event.pointerId)
  }

  function onMove(event: PointerEvent): void {
    const before = fingers.get(event.pointerId)
    if (!before) return
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    if (fingers.size === 2) {
      const now = distance()
      if (spread > 0) zoomTo(scale.value * now / spread, { x: event.clientX, y: event.clientY })
      spread = now
    } else if (scale.value > 1) {
      offset.value = inside({ x: offset.value.x + event.clientX - before.x, y: offset.value.y + event.clientY - before.y })
    }
  }

  function onUp(event: PointerEvent): void {
    fingers.delete(event.pointerId)
    spread = distance()
  }

  function distance(): number {
    const [a, b] = [...fingers.values()]
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0
  }

  return { scale, turned, style, zoom, reset, rotate, onWheel, onDown, onMove, onUp }
}
