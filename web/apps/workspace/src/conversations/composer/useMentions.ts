import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { mentionBefore, mentioned, LONGEST_NAME, MAX_MENTIONS, type Colleague } from '../model/mentions'

const SHOWN = 20
/** The server names at most this many (docs/protocol.md); it is asked for the others by a part of their name. */
const MOST_NAMED = 200
const ASK_AFTER_MS = 150

interface Asked {
  of: Id
  colleagues: Colleague[]
  /** There are others whom the server has not named. */
  isCut: boolean
}

/** Calling colleagues by name in a note: who can be called, and which of them is being typed. */
export function useMentions(of: () => Conversation) {
  const session = useSession()
  const asked = shallowRef<Asked | null>(null)
  const typed = shallowRef<{ from: number; to: number; query: string } | null>(null)
  const at = shallowRef(0)

  /** Who takes part, until the server has said who can see the conversation. */
  const colleagues = computed<readonly Colleague[]>(() => {
    const { id, participants } = of()
    return others(asked.value?.of === id ? asked.value.colleagues : participants.map((one) => ({ id: one.id, name: one.name })))
  })
  function others(all: readonly Colleague[]): Colleague[] {
    return all.filter((one) => one.id !== session.agent?.id)
  }
  const options = computed(() => {
    const query = typed.value?.query.toLocaleLowerCase() ?? ''
    return colleagues.value.filter((one) => one.name.toLocaleLowerCase().includes(query)).slice(0, SHOWN)
  })

  async function load(): Promise<Asked | null> {
    const { id } = of()
    try {
      const found = await api.mentionTargets(id)
      const answer: Asked = { of: id, colleagues: named(found), isCut: found.length >= MOST_NAMED }
      if (of().id === id) asked.value = answer
      return answer
    } catch (error) {
      // Those who take part can still be called; the next `@` asks again.
      if (!(error instanceof ApiError)) throw error
      return null
    }
  }

  /** Those whom a text calls. It may have been begun before this was here: whoever can be called is asked for then. Null where no answer came. */
  async function called(text: string): Promise<Colleague[] | null> {
    if (!text.includes('@')) return []
    const found = asked.value?.of === of().id ? asked.value : await load()
    if (found === null) return null
    const known = others(found.colleagues)
    if (!found.isCut) return mentioned(text, known)
    try {
      return mentioned(text, [...known, ...others(await furtherIn(text, known, found.of))])
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return null
    }
  }

  /** Adds those of the others whose name contains what is typed; whoever was named before can be called still. */
  async function search(query: string, signal: AbortSignal): Promise<void> {
    const { id } = of()
    try {
      const found = named(await api.mentionTargets(id, { query: { q: query }, signal }))
      const known = asked.value
      if (signal.aborted || known?.of !== id) return
      const ids = new Set(known.colleagues.map((one) => one.id))
      asked.value = { ...known, colleagues: [...known.colleagues, ...found.filter((one) => !ids.has(one.id))] }
    } catch (error) {
      // The next letter asks again.
      if (!(error instanceof ApiError) && !signal.aborted) throw error
    }
  }

  /** Looks at what stands before the caret after each change of the field. */
  function look(text: string, caret: number): void {
    const found = mentionBefore(text, caret)
    if (found && typed.value === null && asked.value?.of !== of().id) void load()
    typed.value = found ? { ...found, to: caret } : null
  }

  function step(by: 1 | -1): void {
    const count = options.value.length
    if (count > 0) at.value = (at.value + by + count) % count
  }

  function close(): void {
    typed.value = null
  }

  watch(() => typed.value?.query, () => { at.value = 0 })
  watch([() => typed.value?.query, () => asked.value?.isCut], ([query, isCut], _before, onCleanup) => {
    if (!query || !isCut) return
    const abort = new AbortController()
    const timer = setTimeout(() => void search(query, abort.signal), ASK_AFTER_MS)
    onCleanup(() => {
      clearTimeout(timer)
      abort.abort()
    })
  })
  watch(() => of().id, () => {
    close()
    asked.value = null
  })

  return { colleagues, options, typed, at, look, step, close, called }
}

/** Those whom a text may call beyond those who are known. */
async function furtherIn(text: string, known: readonly Colleague[], of: Id): Promise<Colleague[]> {
  const answers = new Map<string, Promise<readonly Colleague[]>>()
  function ask(letters: string): Promise<readonly Colleague[]> {
    const answer = answers.get(letters) ?? api.mentionTargets(of, { query: { q: letters } })
    answers.set(letters, answer)
    return answer
  }
  return named((await Promise.all(calledIn(text, known).map((words) => startingLike(words, ask)))).flat())
}

/** What stands behind each `@` and is not just the name of somebody known. */
function calledIn(text: string, known: readonly Colleague[]): string[] {
  const called = [...text.matchAll(/@(?!\s)([^@\n]+)/g)].map(([, words]) => words?.trim().slice(0, LONGEST_NAME) ?? '')
  return [...new Set(called)].filter((words) => !known.some((one) => words === one.name || words.startsWith(`${one.name} `))).slice(0, MAX_MENTIONS)
}

/** Where a name ends among the words that follow it, only the names tell: its first letters are asked for, as many as leave few enough. */
async function startingLike(words: string, ask: (letters: string) => Promise<readonly Colleague[]>): Promise<readonly Colleague[]> {
  const letters = Array.from(words)
  const found: Colleague[] = []
  for (let many = 1; many <= letters.length; many += 1) {
    const answer = await ask(letters.slice(0, many).join(''))
    found.push(...answer)
    if (answer.length < MOST_NAMED) break
  }
  return found
}

function named(found: readonly Colleague[]): Colleague[] {
  return found.map(({ id, name }) => ({ id, name }))
}
