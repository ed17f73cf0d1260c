import type { Agent, Group, Id } from '@qiatan/api'

export interface RosterSection {
  kind: 'group' | 'none' | 'pending' | 'disabled'
  group: Group | null
  agents: Agent[]
}

/**
 * Who stands where in the list: by group (one may stand in several), then without group, invited, disabled. Empty groups stay while
 * nothing narrows the list. `roleId`: only who has this role.
 */
export function roster(agents: readonly Agent[], groups: readonly Group[], query: string, roleId: Id | null = null): RosterSection[] {
  const wanted = query.trim().toLocaleLowerCase()
  const found = agents.filter((agent) =>
    (roleId === null || agent.role.id === roleId)
    && (wanted === '' || [agent.name, agent.public_name, agent.email, agent.staff_number].some((words) => words.toLocaleLowerCase().includes(wanted))))
  const serving = found.filter((agent) => agent.enabled && !agent.pending)
  const known = new Set(groups.map((group) => group.id))
  const sections: RosterSection[] = groups.map((group) => ({
    kind: 'group',
    group,
    agents: serving.filter((agent) => agent.group_ids.includes(group.id)),
  }))
  sections.push(
    { kind: 'none', group: null, agents: serving.filter((agent) => !agent.group_ids.some((id) => known.has(id))) },
    { kind: 'pending', group: null, agents: found.filter((agent) => agent.pending && agent.enabled) },
    { kind: 'disabled', group: null, agents: found.filter((agent) => !agent.enabled) },
  )
  return sections.filter((section) => section.agents.length > 0 || (section.kind === 'group' && wanted === '' && roleId === null))
}
