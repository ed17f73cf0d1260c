import { ApiError } from '@qiatan/api'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

export interface DraftOptions<F extends object, S extends { version: number }> {
  /** The server's object, null until it is there. */
  source: () => S | null
  /** The fields this form edits, taken out of the object. */
  fields: (source: S) => F
  /** Sends what changed, with the version it was read at, and puts the answer where `source` finds it. */
  save: (changed: Partial<F>, version: number, source: S) => Promise<void>
  /** Fetches the object again after a version conflict. */
  refetch: () => Promise<void>
}

export interface Draft<F extends object> {
  draft: Ref<F | null>
  /** How many fields differ from what was read. */
  changes: ComputedRef<number>
  saving: Ref<boolean>
  error: Ref<unknown>
  /** Another person changed the object while this form has changes of its own. */
  conflict: Ref<boolean>
  /** True when everything was saved. */
  save: () => Promise<boolean>
  discard: () => void
  /** Puts the own changes on top of the other person's version, still unsaved. */
  keepMine: () => void
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function copy<F>(value: F): F {
  return JSON.parse(JSON.stringify(value)) as F
}

/**
 * A form over a versioned object. Unchanged forms follow the server; a changed form keeps what was typed and reports a conflict
 * instead of overwriting either side. Nothing is shown as saved before the server said so.
 */
export function useDraft<F extends object, S extends { version: number }>(options: DraftOptions<F, S>): Draft<F> {
  const base = shallowRef<F | null>(null)
  const baseVersion = shallowRef(0)
  const draft = ref<F | null>(null) as Ref<F | null>
  const saving = shallowRef(false)
  const error = shallowRef<unknown>(null)
  const conflict = shallowRef(false)

  function changed(): Partial<F> {
    const out: Partial<F> = {}
    if (!base.value || !draft.value) return out
    for (const key of Object.keys(base.value) as (keyof F)[]) {
      if (!same(base.value[key], draft.value[key])) out[key] = copy(draft.value[key])
    }
    return out
  }

  const changes = computed(() => Object.keys(changed()).length)

  function reset(): void {
    const source = options.source()
    base.value = source ? copy(options.fields(source)) : null
    baseVersion.value = source?.version ?? 0
    draft.value = source ? copy(options.fields(source)) : null
    conflict.value = false
    error.value = null
  }

  function keepMine(): void {
    const source = options.source()
    if (!source) return
    const mine = changed()
    reset()
    if (draft.value) draft.value = { ...draft.value, ...mine }
  }

  async function save(): Promise<boolean> {
    const source = options.source()
    if (!source || saving.value) return false
    const mine = changed()
    if (Object.keys(mine).length === 0) return true
    saving.value = true
    error.value = null
    try {
      await options.save(mine, baseVersion.value, source)
      reset()
      return true
    } catch (failure) {
      error.value = failure
      if (failure instanceof ApiError && failure.code === 'version_conflict') {
        await options.refetch().catch((second: unknown) => { error.value = second })
        conflict.value = true
      }
      return false
    } finally {
      saving.value = false
    }
  }

  watch(
    options.source,
    (source, before) => {
      const other = (source as { id?: unknown } | null)?.id !== (before as { id?: unknown } | null | undefined)?.id
      if (!source || other || changes.value === 0) reset()
      else if (saving.value) return
      else if (!same(options.fields(source), base.value)) conflict.value = true
      else baseVersion.value = source.version
    },
    { immediate: true },
  )

  return { draft, changes, saving, error, conflict, save, discard: reset, keepMine }
}
