import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

/** Skeletons appear only after this long: what is quicker needs none. */
const AFTER_MS = 300

/** True while `waiting` has been true for a noticeable time. */
export function useLate(waiting: Readonly<Ref<boolean>>): Readonly<Ref<boolean>> {
  const late = shallowRef(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(waiting, (now) => {
    clearTimeout(timer)
    late.value = false
    if (now) timer = setTimeout(() => { late.value = true }, AFTER_MS)
  }, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))
  return late
}
