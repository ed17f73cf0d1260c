import type { Agent, Role, Scope } from '@qiatan/api'

/** The reader, as far as it decides what they may hand out. */
export interface Reader {
  id: string
  scope: Scope
  can: (point: 'agents.edit' | 'agents.role' | 'agents.scope') => boolean
  /** The points they hold. */
  holds: ReadonlySet<string>
}

/** Why the reader may not change a field of an account; null where they may. */
export type Reason = 'readOnly' | 'own' | 'beyond' | 'noRole' | 'noScope' | 'admin' | null

export function covers(own: Scope, other: Scope): boolean {
  if (own.kind === 'all' || other.kind === 'self') return true
  return own.kind === 'groups' && other.kind === 'groups' && other.group_ids.every((id) => own.group_ids.includes(id))
}

/** Nobody decides about more than they hold: neither about such a role, nor about an account that has it. */
export function mayGive(reader: Reader, role: Pick<Role, 'builtin' | 'points'> | null): boolean {
  if (role === null) return false
  if (role.builtin === 'admin' && reader.scope.kind !== 'all') return false
  return role.points.every((point) => reader.holds.has(point))
}

export interface Reasons {
  /** Name, number, groups, limit. */
  person: Reason
  role: Reason
  scope: Reason
  regions: Reason
}

/** What of an account the reader may change. `role` is the account's present role, `drafted` the one chosen on the page. */
export function reasons(reader: Reader, agent: Agent, role: Role | null, drafted: Pick<Role, 'builtin'> | null): Reasons {
  const common = ((): Reason => {
    if (!reader.can('agents.edit')) return 'readOnly'
    if (agent.id === reader.id) return null
    return mayGive(reader, role) && covers(reader.scope, agent.scope) ? null : 'beyond'
  })()
  const rights = (lacking: Reason): Reason => {
    if (common !== null) return common
    if (agent.id === reader.id) return 'own'
    return lacking
  }
  const scoped = rights(reader.can('agents.scope') ? null : 'noScope')
  const fixed = scoped ?? (drafted?.builtin === 'admin' ? 'admin' : null)
  return { person: common, role: rights(reader.can('agents.role') ? null : 'noRole'), scope: fixed, regions: fixed }
}
