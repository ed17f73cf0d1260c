/** How long somebody stays on the blacklist. */
export const SPANS = ['forever', 'day', 'week', 'month', 'custom'] as const
export type Span = (typeof SPANS)[number]

const DAYS: Readonly<Record<Exclude<Span, 'forever' | 'custom'>, number>> = { day: 1, week: 7, month: 30 }
const DAY_MS = 86_400_000

/** Until when, in UTC; null: until somebody releases them. `day` is the last one of a custom span, as a date field writes it, and counts to its end here. */
export function blockedUntil(span: Span, day: string, now: number): string | null {
  if (span === 'forever') return null
  if (span !== 'custom') return new Date(now + DAYS[span] * DAY_MS).toISOString()
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  return new Date(year, month - 1, date + 1).toISOString()
}

/** What is wrong with a chosen day, or null. */
export function dayFault(span: Span, day: string, now: number): 'missing' | 'past' | null {
  if (span !== 'custom') return null
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return 'missing'
  return Date.parse(blockedUntil(span, day, now) ?? '') <= now ? 'past' : null
}
