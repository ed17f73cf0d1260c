import type { Agent, Group, Id } from '@qiatan/api'
import { ApiError } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { oneAtATime } from './oneAtATime'
import { useSession } from './session'

/** What was saved here while an answer was on its way is newer than the answer. */
function latest<T extends { version: number }>(known: T | null, item: T): T {
  return known && known.version > item.version ? known : item
}

function newer<T extends { id: Id; version: number }>(list: readonly T[], item: T): T[] {
  const known = list.find((one) => one.id === item.id)
  if (known && known.version > item.version) return [...list]
  return known ? list.map((one) => (one.id === item.id ? item : one)) : [...list, item]
}

/** The enterprise's agents and groups, fetched when a page first needs them and then kept true by `changed` frames. */
export const usePeople = defineStore('people', () => {
  const session = useSession()
  const agents = shallowRef<Agent[]>([])
  const groups = shallowRef<Group[]>([])
  const loaded = shallowRef(false)
  let wanted = false

  const byName = new Intl.Collator(['zh-CN', 'en'], { numeric: true })
  const sortedGroups = computed(() => [...groups.value].sort((a, b) => byName.compare(a.name, b.name)))
  const sortedAgents = computed(() => [...agents.value].sort((a, b) => byName.compare(a.name, b.name)))
  /** Who may still do everything: the last one of them is protected. */
  const admins = computed(() => agents.value.filter((one) => one.role.builtin === 'admin' && one.enabled && !one.pending))

  function agent(id: Id): Agent | null {
    return agents.value.find((one) => one.id === id) ?? null
  }

  function group(id: Id): Group | null {
    return groups.value.find((one) => one.id === id) ?? null
  }

  const everybody = oneAtATime(async () => {
    const of = session.agent?.id
    const [allAgents, allGroups] = await Promise.all([api.agents(), api.groups()])
    if (session.agent?.id !== of) return
    agents.value = allAgents.map((one) => latest(agent(one.id), one))
    groups.value = allGroups
    loaded.value = true
  })

  /** Fetches everybody as they are from now on. */
  function load(): Promise<void> {
    wanted = true
    return everybody.anew()
  }

  /** An answer that is on its way may be older than a change, the first one too. */
  function isFollowed(): boolean {
    return loaded.value || everybody.isUnderway()
  }

  function acceptAgent(item: Agent): void {
    agents.value = newer(agents.value, item)
  }

  function dropAgent(id: Id): void {
    agents.value = agents.value.filter((one) => one.id !== id)
  }

  async function fetchAgent(id: Id): Promise<void> {
    try {
      acceptAgent(await api.agent(id))
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      dropAgent(id)
    }
  }

  onFrame('changed', (frame) => {
    if (!isFollowed() || !session.can('agents.view')) return
    // All of them that are on their way may be older than this change, and would overwrite it.
    if (frame.object === 'agent' && (agent(frame.id)?.version ?? 0) < frame.version) (everybody.isUnderway() ? everybody.anew() : fetchAgent(frame.id)).catch(reportSurprise)
    // A group changes the group_ids of its members, and a deleted one is announced like a changed one: all of it, once.
    if (frame.object === 'group') load().catch(reportSurprise)
  })
  function clear(): void {
    agents.value = []
    groups.value = []
    loaded.value = false
  }

  // Another scope shows others; without the right nobody is shown, and with it back they all are.
  watch(() => session.rightsChange, (change) => {
    if (change === null || !wanted) return
    if (session.can('agents.view')) load().catch(reportSurprise)
    else clear()
  })
  watch(() => session.agent?.id, () => {
    wanted = false
    clear()
  })
  onReconnect(() => {
    if (isFollowed() && session.can('agents.view')) load().catch(reportSurprise)
  })

  return { agents, groups, loaded, sortedAgents, sortedGroups, admins, agent, group, load, acceptAgent, dropAgent, fetchAgent }
})
