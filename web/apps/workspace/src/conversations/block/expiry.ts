import { startOfDay } from '../model/time'

/** How long somebody stays on the blacklist. */
export const SPANS = ['forever', 'day', 'week', 'month', 'custom'] as const
export type Span = (typeof SPANS)[number]

const DAYS: Readonly<Record<Exclude<Span, 'forever' | 'custom'>, number>> = { day: 1, week: 7, month: 30 }
const DAY_MS = 86_400_000

/** Until when, in UTC; null: until somebody releases them. `day` is the last one of a custom span, as a date field writes it, and counts to its end in the enterprise's time zone. */
export function blockedUntil(span: Span, day: string, now: number, zone: string): string | null {
  if (span === 'forever') return null
  if (span !== 'custom') return new Date(now + DAYS[span] * DAY_MS).toISOString()
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
  return new Date(startOfDay(next, zone)).toISOString()
}

/** What is wrong with a chosen day, or null. */
export function dayFault(span: Span, day: string, now: number, zone: string): 'missing' | 'past' | null {
  if (span !== 'custom') return null
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return 'missing'
  if (Number.isNaN(Date.parse(`${day}T00:00:00Z`))) return 'missing'
  return Date.parse(blockedUntil(span, day, now, zone) ?? '') <= now ? 'past' : null
}
