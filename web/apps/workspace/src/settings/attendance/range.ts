const DAY_MS = 86_400_000
export const MAX_DAYS = 31

const moment = (day: string): number => Date.parse(`${day}T00:00:00Z`)

/** `2026-11-22` moved by so many days. */
export function shift(day: string, days: number): string {
  return new Date(moment(day) + days * DAY_MS).toISOString().slice(0, 10)
}

/** How many days a range holds, both ends included; 0 or less where it ends before it begins. */
export function length(from: string, to: string): number {
  return Math.round((moment(to) - moment(from)) / DAY_MS) + 1
}

export type RangeFault = 'incomplete' | 'order' | 'long'

export function rangeFault(from: string, to: string): RangeFault | null {
  if (Number.isNaN(moment(from)) || Number.isNaN(moment(to))) return 'incomplete'
  const days = length(from, to)
  return days < 1 ? 'order' : days > MAX_DAYS ? 'long' : null
}

/** Hours and minutes of seconds; a part of a minute that is not nothing counts as one. */
export function hoursOf(seconds: number): { hours: number; minutes: number } {
  const minutes = Math.ceil(seconds / 60)
  return { hours: Math.floor(minutes / 60), minutes: minutes % 60 }
}
