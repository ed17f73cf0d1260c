import type { Interval, Week } from '@qiatan/api'

export const DAY_MINUTES = 1_440
export const MAX_INTERVALS = 6

/** Minutes since midnight of `09:30` or `24:00`; null for what is no time. */
export function minutesOf(text: string): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text)
  if (!found) return null
  const minutes = Number(found[1]) * 60 + Number(found[2])
  return Number(found[2]) < 60 && minutes <= DAY_MINUTES ? minutes : null
}

/** What was typed, as the server writes it: `9`, `9.30`, `930` and `9：30` are times too. Null for what is none. */
export function readClock(text: string): string | null {
  const found = /^(\d{1,2})(?:[:：.．时]?(\d{2}))?(?:分|时)?$/.exec(text.trim())
  if (!found) return null
  const written = `${(found[1] ?? '').padStart(2, '0')}:${found[2] ?? '00'}`
  return minutesOf(written) === null ? null : written
}

export type DayFault = 'time' | 'order' | 'overlap' | 'many'

/** The first thing that is wrong with a day's intervals, and with which of them. */
export function dayFault(intervals: readonly Interval[]): { kind: DayFault; index: number } | null {
  if (intervals.length > MAX_INTERVALS) return { kind: 'many', index: MAX_INTERVALS }
  let end = -1
  for (const [index, { start, until }] of intervals.entries()) {
    const [from, to] = [minutesOf(start), minutesOf(until)]
    if (from === null || to === null || from === DAY_MINUTES) return { kind: 'time', index }
    if (from >= to) return { kind: 'order', index }
    if (from < end) return { kind: 'overlap', index }
    end = to
  }
  return null
}

export function weekFault(week: Week): boolean {
  return week.some((day) => dayFault(day) !== null)
}

/** The next interval of a day: the afternoon after a morning, else an hour after the last one. Null where the day is full. */
export function nextInterval(day: readonly Interval[]): Interval | null {
  if (day.length >= MAX_INTERVALS) return null
  const last = day.at(-1)
  if (!last) return { start: '09:00', until: '18:00' }
  const end = minutesOf(last.until)
  if (end === null || end + 60 >= DAY_MINUTES) return null
  const start = end + 60
  return { start: write(start), until: write(Math.min(start + 240, DAY_MINUTES)) }
}

function write(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/** Where an interval lies in a day's bar, in per cent. Null for what cannot be drawn. */
export function span({ start, until }: Interval): { left: number; width: number } | null {
  const [from, to] = [minutesOf(start), minutesOf(until)]
  if (from === null || to === null || from >= to) return null
  return { left: (from / DAY_MINUTES) * 100, width: ((to - from) / DAY_MINUTES) * 100 }
}

/** `09:00–12:00, 13:00–18:00` */
export function written(intervals: readonly Interval[]): string {
  return intervals.map(({ start, until }) => `${start}–${until}`).join(', ')
}

/** A common week to begin with: Monday to Friday, nine to six. */
export function standardWeek(): Week {
  return Array.from({ length: 7 }, (_, day) => (day < 5 ? [{ start: '09:00', until: '18:00' }] : []))
}
