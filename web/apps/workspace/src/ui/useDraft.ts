import { ApiError } from '@qiatan/api'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

/** What a form sends: the changed fields, and of each field in `P` only its changed parts. */
export type Changed<F extends object, P extends keyof F = never> = Partial<Omit<F, P>> & { [K in P]?: Partial<F[K]> }

export interface DraftOptions<F extends object, S extends { version: number }, P extends keyof F = never> {
  /** The server's object, null until it is there. */
  source: () => S | null
  /** The fields this form edits, taken out of the object. */
  fields: (source: S) => F
  /** Fields that hold fields of their own, of which the server keeps those left out: compared, counted and merged one by one. */
  parts?: readonly P[]
  /** Sends what changed, with the version it was read at, and puts the answer where `source` finds it. */
  save: (changed: Changed<F, P>, version: number, source: S) => Promise<void>
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

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

/** The fields of `now` that differ from `before`. */
function difference<T extends object>(before: T, now: T): Partial<T> {
  const out: Partial<T> = {}
  for (const key of Object.keys(before) as (keyof T)[]) {
    if (!same(before[key], now[key])) out[key] = copy(now[key])
  }
  return out
}

/**
 * A form over a versioned object. Unchanged forms follow the server; a changed form keeps what was typed and reports a conflict
 * instead of overwriting either side. Nothing is shown as saved before the server said so.
 */
export function useDraft<F extends object, S extends { version: number }, P extends keyof F = never>(options: DraftOptions<F, S, P>): Draft<F> {
  const parts = new Set<keyof F>(options.parts ?? [])
  const base = shallowRef<F | null>(null)
  const baseVersion = shallowRef(0)
  const draft = ref<F | null>(null) as Ref<F | null>
  const saving = shallowRef(false)
  const error = shallowRef<unknown>(null)
  const conflict = shallowRef(false)

  function changed(): Changed<F, P> {
    const before = base.value
    const now = draft.value
    if (!before || !now) return {} as Changed<F, P>
    const out = difference(before, now)
    for (const key of parts) {
      if (key in out) out[key] = difference(before[key] as object, now[key] as object) as F[keyof F]
    }
    return out as Changed<F, P>
  }

  const changes = computed(() =>
    Object.entries(changed()).reduce((sum, [key, value]) => sum + (parts.has(key as keyof F) ? Object.keys(value as object).length : 1), 0))

  function reset(): void {
    const source = options.source()
    base.value = source ? copy(options.fields(source)) : null
    baseVersion.value = source?.version ?? 0
    draft.value = source ? copy(options.fields(source)) : null
    conflict.value = false
    error.value = null
  }

  function keepMine(): void {
    if (!options.source()) return
    const mine = changed() as Partial<F>
    reset()
    const theirs = draft.value
    if (!theirs) return
    const merged = { ...theirs, ...mine }
    for (const key of parts) merged[key] = { ...theirs[key], ...mine[key] } as F[keyof F]
    draft.value = merged
  }

  async function save(): Promise<boolean> {
    const source = options.source()
    if (!source || !draft.value || saving.value) return false
    const sent = copy(draft.value)
    const mine = changed()
    if (Object.keys(mine).length === 0) return true
    saving.value = true
    error.value = null
    try {
      await options.save(mine, baseVersion.value, source)
      base.value = sent
      // What was written on while it was on its way is still to be saved.
      if (changes.value > 0) keepMine()
      else reset()
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
