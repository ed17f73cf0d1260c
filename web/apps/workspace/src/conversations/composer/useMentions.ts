import { ApiError, type Conversation, type Id } from '@qiatan/api'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { mentionBefore, type Colleague } from '../model/mentions'

const SHOWN = 20

/** Calling colleagues by name in a note: who can be called, and which of them is being typed. */
export function useMentions(of: () => Conversation) {
  const session = useSession()
  const asked = shallowRef<{ of: Id; colleagues: Colleague[] } | null>(null)
  const typed = shallowRef<{ from: number; to: number; query: string } | null>(null)
  const at = shallowRef(0)

  /** Who takes part, until the server has said who can see the conversation. */
  const colleagues = computed<readonly Colleague[]>(() => {
    const { id, participants } = of()
    const all = asked.value?.of === id ? asked.value.colleagues : participants.map((one) => ({ id: one.id, name: one.name }))
    return all.filter((one) => one.id !== session.agent?.id)
  })
  const options = computed(() => {
    const query = typed.value?.query.toLocaleLowerCase() ?? ''
    return colleagues.value.filter((one) => one.name.toLocaleLowerCase().includes(query)).slice(0, SHOWN)
  })

  async function load(): Promise<void> {
    const { id } = of()
    try {
      const found = await api.mentionTargets(id)
      if (of().id === id) asked.value = { of: id, colleagues: found.map(({ id: agent, name }) => ({ id: agent, name })) }
    } catch (error) {
      // Those who take part can still be called; the next `@` asks again.
      if (!(error instanceof ApiError)) throw error
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
  watch(() => of().id, () => {
    close()
    asked.value = null
  })

  return { colleagues, options, typed, at, look, step, close }
}
