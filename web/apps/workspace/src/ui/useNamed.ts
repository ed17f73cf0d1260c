import { ApiError, type Id } from '@qiatan/api'
import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { coveredBy, errorText, fieldText } from './errors'

interface Named { id: Id; name: string; version: number }

export interface NamedOptions<T extends Named> {
  /** Whether its dialog is open: each time it opens, what was typed before is gone. */
  open: Ref<boolean>
  /** What is changed; null: a new one is made. */
  thing: () => T | null
  /** The other fields as they are when the dialog opens. */
  begin?: (thing: T | null) => void
  /** Fields of the form that show their own errors, beside the name. */
  shows?: readonly string[]
  /** What is said where the name is missing; and where somebody has it, if there is more to say than the error does. */
  words: { required: () => string; taken?: () => string }
  /** Whether something else keeps it from being sent. */
  faulty?: () => boolean
  save: (name: string, version: number) => Promise<T>
  done: (saved: T) => void
  /** Fetches everything of its kind. */
  reload: () => Promise<unknown>
  /** What follows once all of them are there. */
  then?: (saved: T) => Promise<unknown>
  /** The newest version that is known. */
  versionOf: (id: Id) => number | undefined
}

/** Making or changing something that has a name of its own: what is typed stays when it is refused, and a conflict is told and solved by saving again. */
export function useNamed<T extends Named>(options: NamedOptions<T>) {
  const name = ref('')
  const version = shallowRef(0)
  const tried = ref(false)
  const busy = ref(false)
  const error = shallowRef<unknown>(null)

  const taken = computed(() => error.value instanceof ApiError
    && (error.value.code === 'already_taken' || error.value.fields.some((one) => one.field === 'name' && one.code === 'taken')))
  const nameError = computed(() => {
    if (tried.value && name.value.trim() === '') return options.words.required()
    return taken.value && options.words.taken ? options.words.taken() : fieldText(error.value, 'name', { already_taken: 'name' })
  })
  const problem = computed(() => (error.value === null || nameError.value !== null || coveredBy(error.value, ['name', ...(options.shows ?? [])]) ? null : errorText(error.value)))

  watch(options.open, (now) => {
    if (!now) return
    const thing = options.thing()
    name.value = thing?.name ?? ''
    version.value = thing?.version ?? 0
    tried.value = false
    error.value = null
    options.begin?.(thing)
  }, { immediate: true })

  async function submit(): Promise<void> {
    tried.value = true
    if (busy.value || name.value.trim() === '' || options.faulty?.()) return
    busy.value = true
    error.value = null
    try {
      const saved = await options.save(name.value.trim(), version.value)
      options.done(saved)
      options.open.value = false
      await options.reload()
      await options.then?.(saved)
    } catch (failure) {
      error.value = failure
      const thing = options.thing()
      if (failure instanceof ApiError && failure.code === 'version_conflict' && thing) await rebase(thing.id)
    } finally {
      busy.value = false
    }
  }

  /** After a conflict the next try builds on the newest version; the dialog says so and keeps what was typed. */
  async function rebase(id: Id): Promise<void> {
    try {
      await options.reload()
      version.value = options.versionOf(id) ?? version.value
    } catch (failure) {
      error.value = failure
    }
  }

  return { name, tried, busy, error, nameError, problem, submit }
}
