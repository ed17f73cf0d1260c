import { createSharedComposable, useIntervalFn } from '@vueuse/core'
import { shallowRef } from 'vue'

/** The present moment in milliseconds, once a second, shared by everything that counts up. */
export const useClock = createSharedComposable(() => {
  const now = shallowRef(Date.now())
  useIntervalFn(() => { now.value = Date.now() }, 1_000)
  return now
})
