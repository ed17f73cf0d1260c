import type { Id, ReplyBrief, ReplyOwner } from '@qiatan/api'
import type { Shelf } from '../../replies/store'

/** What the page shows at the moment: all of one owner, one group, or what is in no group. */
export interface Place {
  /** As the address names it. */
  key: string
  owner: ReplyOwner
  /** Undefined: all groups. */
  group: Id | null | undefined
  name: string
  entries: readonly ReplyBrief[]
}

export function placesOf(shelves: readonly Shelf[], owner: ReplyOwner): Place[] {
  const own = shelves.filter((one) => one.owner === owner)
  return [
    { key: owner, owner, group: undefined, name: '', entries: own.flatMap((one) => one.entries) },
    ...own.map((one): Place => ({ key: one.id ?? `${owner}-none`, owner, group: one.id, name: one.name, entries: one.entries })),
  ]
}

/** The same list with one thing moved from a place to another. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list]
  if (from < 0 || from >= next.length || to < 0 || to >= next.length) return next
  next.splice(to, 0, ...next.splice(from, 1))
  return next
}
