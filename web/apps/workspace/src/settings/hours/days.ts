import type { ExceptionalDay } from '@qiatan/api'

export const MAX_EXCEPTIONS = 1_000

/** `2026-02-30` is none. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const moment = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(moment.getTime()) && moment.toISOString().slice(0, 10) === text
}

/** Monday is 0. */
export function weekdayOf(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
}

/** The years that have exceptional days, and the present one, newest first. */
export function yearsOf(days: readonly ExceptionalDay[], thisYear: number): number[] {
  return [...new Set([thisYear, ...days.map(({ day }) => Number(day.slice(0, 4)))])].sort((a, b) => b - a)
}

export interface Merge {
  days: ExceptionalDay[]
  added: ExceptionalDay[]
  changed: ExceptionalDay[]
  same: number
}

/** The days of a file put over those there are: of the same date, the file's wins. */
export function merge(present: readonly ExceptionalDay[], given: readonly ExceptionalDay[]): Merge {
  const byDay = new Map(present.map((one) => [one.day, one]))
  const added: ExceptionalDay[] = []
  const changed: ExceptionalDay[] = []
  let same = 0
  for (const one of given) {
    const known = byDay.get(one.day)
    if (!known) added.push(one)
    else if (known.open !== one.open || known.name !== one.name || JSON.stringify(known.intervals) !== JSON.stringify(one.intervals)) changed.push(one)
    else same += 1
    byDay.set(one.day, one)
  }
  return { days: sorted([...byDay.values()]), added, changed, same }
}

export function sorted(days: readonly ExceptionalDay[]): ExceptionalDay[] {
  return [...days].sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0))
}
