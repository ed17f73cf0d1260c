import { currentLocale, t } from '../../i18n'
import { dayKey, dayName, longDate } from '../../conversations/model/time'

export interface Day<T> {
  /** `2026-11-22` in the zone. */
  key: string
  items: T[]
}

/** Entries in the order they come, cut where the day changes. */
export function byDay<T extends { at: string }>(entries: readonly T[], zone: string): Day<T>[] {
  const days: Day<T>[] = []
  for (const entry of entries) {
    const key = dayKey(entry.at, zone)
    const last = days.at(-1)
    if (last?.key === key) last.items.push(entry)
    else days.push({ key, items: [entry] })
  }
  return days
}

/** 今天, 昨天, 11 月 7 日. */
export function dayTitle(at: string, now: number, zone: string): string {
  const name = dayName(at, now, zone)
  return name === null ? longDate(at, now, zone, currentLocale()) : t(`security.shared.${name}`)
}

const HOUR_MS = 3_600_000
const QUARTER_MS = HOUR_MS / 4
/** Before noon in UTC: a little earlier than the day begins where it begins first. */
const EARLIEST_MS = 28 * HOUR_MS

/** The moment at which a day (`2026-11-22`) begins in the zone. Every offset in use is a multiple of a quarter of an hour. */
export function dayStart(day: string, zone: string): string {
  let moment = Date.parse(`${day}T12:00:00Z`) - EARLIEST_MS
  while (dayKey(moment, zone) < day) moment += QUARTER_MS
  return new Date(moment).toISOString()
}

/** The day after `2026-11-22`. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + 24 * HOUR_MS).toISOString().slice(0, 10)
}
