import type { Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { live } from '../../live'
import { useSession } from '../../stores/session'

/** Which other agents have the conversation on their screen that is on this one. Not a fact: it lapses with the line. */
export const useViewers = defineStore('viewers', () => {
  const session = useSession()
  const looking = shallowRef<Id | null>(null)
  const seen = shallowRef<{ of: Id; agents: readonly { id: Id; name: string }[] } | null>(null)

  /** Tells the server what is on the screen; null: no conversation. */
  function look(of: Id | null): void {
    if (looking.value === of) return
    looking.value = of
    seen.value = null
    tell()
  }

  function tell(): void {
    live.send({ type: 'viewing', conversation_id: looking.value })
  }

  function accept(of: Id, agentIds: readonly Id[], names: Readonly<Record<Id, string>>): void {
    if (of !== looking.value) return
    seen.value = { of, agents: agentIds.map((id) => ({ id, name: names[id] ?? '' })) }
  }

  const others = computed(() => (seen.value?.agents ?? []).filter((one) => one.id !== session.agent?.id && one.name !== ''))

  /** The line is new: the server knows nothing of what was said on the old one. */
  function again(): void {
    seen.value = null
    if (looking.value !== null) tell()
  }

  return { others, look, again, accept }
})
