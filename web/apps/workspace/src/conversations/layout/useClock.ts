import { createSharedComposable, useIntervalFn } from '@vueuse/core'
import { shallowRef } from 'vue'
import { live } from '../../live'

/** The present moment of the server in milliseconds, once a second: the one clock of everything that counts up or down. */
export const useClock = createSharedComposable(() => {
  const present = (): number => Date.now() + live.ahead.value
  const now = shallowRef(present())
  useIntervalFn(() => { now.value = present() }, 1_000)
  return now
})
