import { onScopeDispose, shallowRef, type Ref } from 'vue'

export interface Load {
  loading: Readonly<Ref<boolean>>
  error: Readonly<Ref<unknown>>
  /** Loads (again). Where a later call overtook it, neither its failure nor its end is told any more. */
  run: () => Promise<void>
}

/**
 * Runs what a page needs before it can be drawn, and says where it stands. `work` keeps its answer only while `isLatest` says so:
 * one that a later call overtook may belong to another question.
 */
export function useLoad(work: (isLatest: () => boolean) => Promise<void>, options: { immediate?: boolean } = {}): Load {
  const loading = shallowRef(options.immediate !== false)
  const error = shallowRef<unknown>(null)
  let turn = 0

  async function run(): Promise<void> {
    const mine = ++turn
    const isLatest = (): boolean => mine === turn
    loading.value = true
    error.value = null
    try {
      await work(isLatest)
    } catch (failure) {
      if (isLatest()) error.value = failure
    } finally {
      if (isLatest()) loading.value = false
    }
  }

  onScopeDispose(() => { turn += 1 })
  if (options.immediate !== false) void run()
  return { loading, error, run }
}
