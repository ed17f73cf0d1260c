import type { Me } from '@qiatan/api'

/** What became different in what an account may do. */
export interface RightsChange {
  lost: readonly string[]
  gained: readonly string[]
  /** The same points reach elsewhere now. */
  scope: boolean
}

function reach(me: Me): string {
  return [me.agent.scope.kind, ...[...me.agent.scope.group_ids].sort()].join(' ')
}

/** Compares two answers about the same account; null where the same things may be done. */
export function change(before: Me, after: Me): RightsChange | null {
  const had = new Set(before.points)
  const has = new Set(after.points)
  const lost = before.points.filter((point) => !has.has(point))
  const gained = after.points.filter((point) => !had.has(point))
  const scope = reach(before) !== reach(after)
  return lost.length === 0 && gained.length === 0 && !scope ? null : { lost, gained, scope }
}
