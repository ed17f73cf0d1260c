import { ApiError, type CustomerHit } from '@qiatan/api'
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { api } from '../api'
import { AFTER_MS, SHORTEST } from '../conversations/list/useSearch'

/** Finds customers by a part of their name, phone or e-mail, once the agent pauses. */
export function usePeople(query: Readonly<Ref<string>>) {
  const found = shallowRef<readonly CustomerHit[]>([])
  const waiting = shallowRef(false)
  const error = shallowRef<ApiError | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort: AbortController | null = null

  async function ask(words: string): Promise<void> {
    const mine = abort = new AbortController()
    try {
      const hits = await api.searchCustomers(words, { signal: mine.signal })
      if (abort === mine) found.value = hits
    } catch (failure) {
      // Another question took the place of this one.
      if (abort !== mine || mine.signal.aborted) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
    } finally {
      if (abort === mine) waiting.value = false
    }
  }

  function stop(): void {
    clearTimeout(timer)
    abort?.abort()
    abort = null
    waiting.value = false
  }

  // At once too: what was typed before this was here counts.
  watch(query, (now) => {
    stop()
    error.value = null
    const words = now.trim()
    if (words.length < SHORTEST) found.value = []
    else {
      waiting.value = true
      timer = setTimeout(() => void ask(words), AFTER_MS)
    }
  }, { immediate: true })
  onScopeDispose(stop)

  return { found, waiting, error }
}
