import type { Page } from '@qiatan/api'
import { onScopeDispose, shallowRef, type Ref } from 'vue'

export interface Pages<T> {
  items: Readonly<Ref<readonly T[]>>
  /** The first page is being fetched. */
  loading: Readonly<Ref<boolean>>
  loadingMore: Readonly<Ref<boolean>>
  error: Readonly<Ref<unknown>>
  moreError: Readonly<Ref<unknown>>
  hasMore: Readonly<Ref<boolean>>
  /** Fetches the first page (again); what is shown stays until it is there. */
  reload: () => Promise<void>
  /** Fetches quietly what is shown, however many pages that are; all of it is drawn at once. Throws what one of them fails with. */
  refresh: () => Promise<void>
  more: () => Promise<void>
}

/** A list that is fetched page by page. An answer that a later call overtook is dropped. */
export function usePages<T>(read: (after: string | null) => Promise<Page<T>>): Pages<T> {
  const items = shallowRef<readonly T[]>([])
  const loading = shallowRef(false)
  const loadingMore = shallowRef(false)
  const error = shallowRef<unknown>(null)
  const moreError = shallowRef<unknown>(null)
  const hasMore = shallowRef(false)
  let next: string | null = null
  let turn = 0

  function take(page: Page<T>, before: readonly T[]): void {
    items.value = [...before, ...page.items]
    next = page.next
    hasMore.value = next !== null
  }

  async function reload(): Promise<void> {
    const mine = ++turn
    loading.value = true
    loadingMore.value = false
    error.value = null
    moreError.value = null
    try {
      const page = await read(null)
      if (mine === turn) take(page, [])
    } catch (failure) {
      if (mine === turn) error.value = failure
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  async function more(): Promise<void> {
    if (loadingMore.value || loading.value || next === null) return
    const mine = ++turn
    loadingMore.value = true
    moreError.value = null
    try {
      const page = await read(next)
      if (mine === turn) take(page, items.value)
    } catch (failure) {
      if (mine === turn) moreError.value = failure
    } finally {
      if (mine === turn) loadingMore.value = false
    }
  }

  async function refresh(): Promise<void> {
    if (loading.value || loadingMore.value) return
    if (error.value !== null) return reload()
    const mine = ++turn
    const shown = items.value.length
    let before: readonly T[] = []
    let page = await read(null)
    while (mine === turn && page.next !== null && before.length + page.items.length < shown) {
      before = [...before, ...page.items]
      page = await read(page.next)
    }
    if (mine !== turn) return
    moreError.value = null
    take(page, before)
  }

  onScopeDispose(() => { turn += 1 })
  return { items, loading, loadingMore, error, moreError, hasMore, reload, refresh, more }
}
