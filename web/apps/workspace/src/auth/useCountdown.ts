import { onScopeDispose, ref } from 'vue'

/** Whole seconds that remain, by the clock and not by counting ticks: a sleeping tab wakes up right. */
export function useCountdown() {
  const left = ref(0)
  let until = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function tick(): void {
    left.value = Math.max(0, Math.ceil((until - Date.now()) / 1000))
    if (left.value === 0) clearInterval(timer)
  }

  function start(seconds: number): void {
    clearInterval(timer)
    until = Date.now() + seconds * 1000
    tick()
    if (left.value > 0) timer = setInterval(tick, 500)
  }

  onScopeDispose(() => clearInterval(timer))
  return { left, start }
}
