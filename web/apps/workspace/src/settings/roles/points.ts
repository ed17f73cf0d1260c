import type { AuditEntry, PointGroup, PointShown } from '@qiatan/api'

/** What of a group of points is chosen, as its check box shows it. */
export type GroupState = 'all' | 'some' | 'none'

export function groupState(group: PointGroup, chosen: ReadonlySet<string>): GroupState {
  const held = group.points.filter((point) => chosen.has(point.name)).length
  if (held === 0) return 'none'
  return held === group.points.length ? 'all' : 'some'
}

/** All points of a group that the reader may give, given or taken; the others stay as they are. Sorted, as the server keeps them. */
export function withGroup(group: PointGroup, on: boolean, chosen: readonly string[]): string[] {
  const names = new Set(group.points.filter((point) => point.grantable).map((point) => point.name))
  const rest = chosen.filter((name) => !names.has(name))
  return (on ? [...rest, ...names] : rest).sort()
}

export function withPoint(name: string, on: boolean, chosen: readonly string[]): string[] {
  const rest = chosen.filter((one) => one !== name)
  return (on ? [...rest, name] : rest).sort()
}

export interface Difference {
  added: string[]
  removed: string[]
}

/** What the second has more and less than the first, in the order of the catalogue. */
export function difference(before: readonly string[], after: readonly string[], groups: readonly PointGroup[]): Difference {
  const order = new Map(groups.flatMap((group) => group.points).map((point, index) => [point.name, index]))
  const ordered = (names: string[]): string[] => names.sort((a, b) => (order.get(a) ?? order.size) - (order.get(b) ?? order.size))
  const had = new Set(before)
  const has = new Set(after)
  return { added: ordered(after.filter((one) => !had.has(one))), removed: ordered(before.filter((one) => !has.has(one))) }
}

/** The groups with only the points that `words` of them match; a group that matches by its own name stays whole. */
export function search(groups: readonly PointGroup[], query: string, nameOf: (group: PointGroup) => string, wordsOf: (point: PointShown) => string): PointGroup[] {
  const wanted = query.trim().toLocaleLowerCase()
  if (wanted === '') return [...groups]
  const matches = (words: string): boolean => words.toLocaleLowerCase().includes(wanted)
  return groups
    .map((group) => (matches(nameOf(group)) ? group : { ...group, points: group.points.filter((point) => matches(wordsOf(point))) }))
    .filter((group) => group.points.length > 0)
}

/** One thing the audit log tells of a role. */
export type RoleChange =
  | { kind: 'created' | 'twoFactorOn' | 'twoFactorOff' | 'other' }
  | { kind: 'added' | 'removed'; points: string[] }
  | { kind: 'renamed'; to: string }

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

/** What an entry of the audit log says about a role, a line each. Details are the server's words; what does not fit says only that. */
export function changesOf(entry: AuditEntry): RoleChange[] {
  if (entry.action === 'role.created') return [{ kind: 'created' }]
  const pair = (field: string): [unknown, unknown] | null => {
    const value: unknown = entry.details?.[field]
    return Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : null
  }
  const found: RoleChange[] = []
  const points = pair('points')
  if (points) {
    const { added, removed } = difference(names(points[0]), names(points[1]), [])
    if (added.length > 0) found.push({ kind: 'added', points: added })
    if (removed.length > 0) found.push({ kind: 'removed', points: removed })
  }
  const renamed = pair('name')
  if (renamed && typeof renamed[1] === 'string') found.push({ kind: 'renamed', to: renamed[1] })
  const secured = pair('requires_two_factor')
  if (secured) found.push({ kind: secured[1] === true ? 'twoFactorOn' : 'twoFactorOff' })
  return found.length > 0 ? found : [{ kind: 'other' }]
}
