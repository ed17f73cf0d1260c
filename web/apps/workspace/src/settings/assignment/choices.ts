import type { Agent, AgentStatus, Group, Presence } from '@qiatan/api'
import { t, tn } from '../../i18n'
import { dotOf } from '../../ui/person'
import { deviceName, DEVICES } from './conditions'

export interface Choice {
  value: string
  text: string
  /** Beside the name, always. */
  note?: string
  /** Beside the name in the list only. */
  detail?: string
  /** Class of the status dot. */
  dot?: string
  off?: boolean
}

export interface ChoiceSection {
  title: string
  items: readonly Choice[]
}

/** Status as it counts: without a connection nobody is there, whatever they chose. */
export function standing(presence: Presence | null): AgentStatus {
  return presence?.connected ? presence.status : 'offline'
}

const GROUP = 'g:'
const AGENT = 'a:'

export function targetValues(rule: { agent_ids: readonly string[]; group_ids: readonly string[] }): string[] {
  return [...rule.group_ids.map((id) => GROUP + id), ...rule.agent_ids.map((id) => AGENT + id)]
}

export function targetsOf(values: readonly string[]): { agent_ids: string[]; group_ids: string[] } {
  const ids = (kind: string): string[] => values.filter((one) => one.startsWith(kind)).map((one) => one.slice(kind.length))
  return { group_ids: ids(GROUP), agent_ids: ids(AGENT) }
}

function groupChoice(group: Group, presenceOf: (id: string) => Presence | null): Choice {
  const count = group.member_ids.length
  const online = group.member_ids.filter((id) => standing(presenceOf(id)) === 'online').length
  return { value: GROUP + group.id, text: group.name, note: tn('assignment.pick.members', count), detail: t('assignment.pick.online', { online, count }) }
}

function agentChoice(agent: Agent, presence: Presence | null): Choice {
  const status = standing(presence)
  const base = { value: AGENT + agent.id, text: agent.name || agent.email }
  if (!agent.enabled) return { ...base, detail: t('assignment.pick.disabled'), off: true }
  const detail = t('assignment.pick.serving', { status: t(`assignment.status.${status}`), open: presence?.open ?? 0, max: agent.max_conversations })
  return { ...base, dot: dotOf(status), detail }
}

/** To whom a rule may send: groups with how many they are, agents with how they stand. */
export function targetSections(groups: readonly Group[], agents: readonly Agent[], presenceOf: (id: string) => Presence | null): ChoiceSection[] {
  return [
    { title: t('assignment.pick.groups'), items: groups.map((one) => groupChoice(one, presenceOf)) },
    { title: t('assignment.pick.agents'), items: agents.filter((one) => !one.pending).map((one) => agentChoice(one, presenceOf(one.id))) },
  ]
}

export function deviceSections(): ChoiceSection[] {
  return [{ title: '', items: DEVICES.map((value) => ({ value, text: deviceName(value) })) }]
}
