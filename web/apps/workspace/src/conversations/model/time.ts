/** How the conversation page writes moments and spans. All dates are read in the enterprise's time zone, never in the browser's. */

const formats = new Map<string, Intl.DateTimeFormat>()

function format(locale: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}|${zone}|${JSON.stringify(options)}`
  let made = formats.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone })
    formats.set(key, made)
  }
  return made
}

/** `14:05` */
export function clockTime(at: string, zone: string): string {
  return format('en-GB', zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}

/** `2026-11-07`: equal for two moments of the same day in the zone. */
export function dayKey(at: string | number, zone: string): string {
  return format('en-CA', zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(at))
}

export type DayName = 'today' | 'yesterday' | null

/** Whether a moment lies today or yesterday as seen at `now`; null when neither. */
export function dayName(at: string, now: number, zone: string): DayName {
  const key = dayKey(at, zone)
  if (key === dayKey(now, zone)) return 'today'
  // Twelve hours before the start of today is yesterday in every zone, also on the days a clock changes.
  const sinceMidnight = minutesOfDay(now, zone) * 60_000
  return key === dayKey(now - sinceMidnight - 12 * 3_600_000, zone) ? 'yesterday' : null
}

function minutesOfDay(at: number, zone: string): number {
  const [hours, minutes] = clockTime(new Date(at).toISOString(), zone).split(':').map(Number)
  return (hours ?? 0) * 60 + (minutes ?? 0)
}

/** `11 月 7 日`, `November 7`; the year is written only when it is not the present one. */
export function longDate(at: string, now: number, zone: string, locale: string): string {
  const sameYear = dayKey(at, zone).slice(0, 4) === dayKey(now, zone).slice(0, 4)
  const written = format(locale, zone, { month: 'long', day: 'numeric', ...(sameYear ? {} : { year: 'numeric' }) }).format(new Date(at))
  // A space stands between Han and digits; the formatter writes none.
  return written.replace(/(\d)(\p{Script=Han})/gu, '$1 $2').replace(/(\p{Script=Han})(\d)/gu, '$1 $2')
}

/** Seconds that have passed since `at`; a clock that runs behind the server's never yields a negative number. */
export function secondsSince(at: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(at)) / 1000))
}

/** `0:24`, `12:07`, `1:02:09` */
export function countUp(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = String(seconds % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

export type Urgency = 'calm' | 'soon' | 'late'

/** Waiting this long is near the limit, in seconds, where no delayed transfer sets a deadline. */
export const SOON_AFTER = 60
export const LATE_AFTER = 120

export function urgency(waitedSeconds: number): Urgency {
  if (waitedSeconds >= LATE_AFTER) return 'late'
  return waitedSeconds >= SOON_AFTER ? 'soon' : 'calm'
}
