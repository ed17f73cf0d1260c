import { onScopeDispose, shallowRef, type Ref } from 'vue'

export interface Load {
  loading: Readonly<Ref<boolean>>
  error: Readonly<Ref<unknown>>
  /** Loads (again). An answer that a later call overtook is dropped. */
  run: () => Promise<void>
}

/** Runs what a page needs before it can be drawn, and says where it stands. */
export function useLoad(work: () => Promise<void>, options: { immediate?: boolean } = {}): Load {
  const loading = shallowRef(options.immediate !== false)
  const error = shallowRef<unknown>(null)
  let turn = 0

  async function run(): Promise<void> {
    const mine = ++turn
    loading.value = true
    error.value = null
    try {
      await work()
    } catch (failure) {
      if (mine === turn) error.value = failure
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  onScopeDispose(() => { turn += 1 })
  if (options.immediate !== false) void run()
  return { loading, error, run }
}
