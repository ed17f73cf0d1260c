import type { AgentStatus, Id, Presence } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../api'
import { onFrame } from '../live'
import { useSession } from './session'

/** Who serves now, as far as I may see it; always myself. Fed by `presence` frames, fetched whole after each reconnect. */
export const usePresence = defineStore('presence', () => {
  const session = useSession()
  const byAgent = ref<Record<Id, Presence>>({})

  const own = computed(() => (session.agent ? (byAgent.value[session.agent.id] ?? null) : null))
  const ownStatus = computed<AgentStatus>(() => own.value?.status ?? 'offline')

  function of(agent: Id): Presence | null {
    return byAgent.value[agent] ?? null
  }

  async function load(): Promise<void> {
    const items = await api.presence()
    byAgent.value = Object.fromEntries(items.map((item) => [item.agent_id, item]))
  }

  async function setStatus(status: AgentStatus): Promise<void> {
    const next = await api.setStatus(status)
    byAgent.value = { ...byAgent.value, [next.agent_id]: next }
  }

  function clear(): void {
    byAgent.value = {}
  }

  onFrame('presence', ({ agent_id, status, connected, open }) => {
    byAgent.value = { ...byAgent.value, [agent_id]: { agent_id, status, connected, open } }
  })

  return { byAgent, own, ownStatus, of, load, setStatus, clear }
})
