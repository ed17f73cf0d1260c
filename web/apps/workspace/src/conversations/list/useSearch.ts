import { ApiError, type Found } from '@qiatan/api'
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { api } from '../../api'

/** Asked once the agent pauses. */
export const AFTER_MS = 250
/** One sign finds too much. A Chinese word has two. */
export const SHORTEST = 2

/** Finds in all of my conversations what is typed, by name and by message; the rows already listed are narrowed at once meanwhile. */
export function useSearch(query: Readonly<Ref<string>>) {
  const found = shallowRef<readonly Found[]>([])
  const phase = shallowRef<'idle' | 'waiting' | 'ready' | 'failed'>('idle')
  const error = shallowRef<ApiError | null>(null)
  const next = shallowRef<string | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort: AbortController | null = null

  async function ask(after: string | null): Promise<void> {
    abort?.abort()
    const mine = abort = new AbortController()
    const words = query.value.trim()
    error.value = null
    try {
      const page = await api.searchConversations(words, after, { signal: mine.signal })
      if (abort !== mine) return
      found.value = after === null ? page.items : [...found.value, ...page.items]
      next.value = page.next
      phase.value = 'ready'
    } catch (failure) {
      // Another question took the place of this one.
      if (abort !== mine || mine.signal.aborted) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
      phase.value = 'failed'
    }
  }

  function stop(): void {
    clearTimeout(timer)
    abort?.abort()
    abort = null
  }

  // At once too: what was typed before this was here counts.
  watch(query, (now) => {
    stop()
    next.value = null
    if (now.trim().length < SHORTEST) {
      found.value = []
      phase.value = 'idle'
      return
    }
    phase.value = 'waiting'
    timer = setTimeout(() => void ask(null), AFTER_MS)
  }, { immediate: true })
  onScopeDispose(stop)

  return {
    found, phase, error, next,
    retry: () => { phase.value = 'waiting'; void ask(null) },
    more: () => { if (next.value !== null && phase.value === 'ready') { phase.value = 'waiting'; void ask(next.value) } },
  }
}
