import type { AgentStatus, Id, Presence } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../api'
import { onFrame } from '../live'
import { Since } from './since'
import { useSession } from './session'

/** What an agent can choose, from the most to the least there. */
export const STATUSES: readonly AgentStatus[] = ['online', 'busy', 'away', 'offline']

/** Who serves now, as far as I may see it; always myself. Fed by `presence` frames, fetched whole after each reconnect. */
export const usePresence = defineStore('presence', () => {
  const session = useSession()
  const byAgent = ref<Record<Id, Presence>>({})
  const since = new Since<Id>()
  let generation = 0

  const own = computed(() => (session.agent ? (byAgent.value[session.agent.id] ?? null) : null))
  const ownStatus = computed<AgentStatus>(() => own.value?.status ?? 'offline')
  /** Whether one more conversation would pass my maximum. */
  const full = computed(() => own.value !== null && own.value.open >= own.value.maximum)

  function of(agent: Id): Presence | null {
    return byAgent.value[agent] ?? null
  }

  function put(next: Presence): void {
    since.touch(next.agent_id)
    byAgent.value = { ...byAgent.value, [next.agent_id]: next }
  }

  async function load(): Promise<void> {
    const mine = generation
    const { answer, isStale } = await since.ask(() => api.presence())
    if (mine !== generation) return
    const kept = Object.entries(byAgent.value).filter(([id]) => isStale(id))
    byAgent.value = Object.fromEntries([...answer.map((item): [Id, Presence] => [item.agent_id, item]), ...kept])
  }

  async function setStatus(status: AgentStatus): Promise<void> {
    put(await api.setStatus(status))
  }

  function clear(): void {
    generation += 1
    byAgent.value = {}
  }

  // Whether a phone sleeps is told only where that changed.
  onFrame('presence', ({ agent_id, status, connected, open, maximum, asleep }) =>
    put({ agent_id, status, connected, open, maximum, asleep: asleep ?? byAgent.value[agent_id]?.asleep ?? null }))

  return { byAgent, own, ownStatus, full, of, load, setStatus, clear }
})
