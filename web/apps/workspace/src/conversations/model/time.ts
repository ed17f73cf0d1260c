/** How the conversation page writes moments and spans. All dates are read in the enterprise's time zone, never in the browser's. */

/**
 * Zones whose clocks have not been changed since `STEADY_SINCE`, and by how many minutes they are ahead. Moments in these are written without the
 * browser's formatters: the first of them takes a page that is just beginning longer than the drawing of its whole list.
 */
const STEADY: Readonly<Record<string, number>> = {
  'Asia/Shanghai': 480, 'Asia/Urumqi': 360, 'Asia/Hong_Kong': 480, 'Asia/Macau': 480, 'Asia/Taipei': 480, 'Asia/Singapore': 480, 'Asia/Tokyo': 540, 'Asia/Bangkok': 420, UTC: 0,
}
const STEADY_SINCE = Date.UTC(1992, 0, 1)

/** `2026-11-07T14:05` as the zone's clock shows it; null where only the browser knows. */
function steadyClock(moment: number, zone: string): string | null {
  const ahead = Object.hasOwn(STEADY, zone) ? STEADY[zone] : undefined
  return ahead === undefined || !(moment >= STEADY_SINCE) ? null : new Date(moment + ahead * 60_000).toISOString().slice(0, 16)
}

const formats = new Map<string, Intl.DateTimeFormat>()

const OPTIONS = {
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { year: 'numeric', month: '2-digit', day: '2-digit' },
  all: { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  date: { month: 'long', day: 'numeric' },
  dateOfYear: { year: 'numeric', month: 'long', day: 'numeric' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>

function format(locale: string, zone: string, what: keyof typeof OPTIONS): Intl.DateTimeFormat {
  const key = `${locale}|${zone}|${what}`
  let made = formats.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { ...OPTIONS[what], timeZone: zone })
    formats.set(key, made)
  }
  return made
}

/** `14:05` */
export function clockTime(at: string, zone: string): string {
  return steadyClock(Date.parse(at), zone)?.slice(11) ?? format('en-GB', zone, 'clock').format(new Date(at))
}

/** Every zone of the present changes its day at a full quarter of an hour, so that one answer serves for all of it. */
const QUARTER_MS = 900_000
const MOST_DAYS = 2_000
const days = new Map<string, string>()

/** `2026-11-07`: equal for two moments of the same day in the zone. */
export function dayKey(at: string | number, zone: string): string {
  const moment = new Date(at)
  const steady = steadyClock(moment.getTime(), zone)
  if (steady !== null) return steady.slice(0, 10)
  const quarter = `${zone} ${Math.floor(moment.getTime() / QUARTER_MS)}`
  let key = days.get(quarter)
  if (key === undefined) {
    key = format('en-CA', zone, 'day').format(moment)
    if (days.size >= MOST_DAYS) days.clear()
    days.set(quarter, key)
  }
  return key
}

/** The moment a day (`2026-11-07`) begins in the zone; where a clock change leaves midnight out, the first moment there is. */
export function startOfDay(key: string, zone: string): number {
  const midnight = Date.parse(`${key}T00:00:00Z`)
  const ahead = (at: number): number => {
    const written = format('en-CA', zone, 'all')
    const part = Object.fromEntries(written.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    return Date.UTC(part['year'] ?? 0, (part['month'] ?? 1) - 1, part['day'] ?? 1, part['hour'] ?? 0, part['minute'] ?? 0, part['second'] ?? 0) - Math.floor(at / 1000) * 1000
  }
  // The clock of that moment, not of the one that was guessed: the two differ where the clock changes in between.
  const tries = [midnight - ahead(midnight - ahead(midnight)), midnight - ahead(midnight)]
  return Math.min(...tries.filter((at) => dayKey(at, zone) === key).concat(Math.max(...tries)))
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
  const key = dayKey(at, zone)
  const sameYear = key.slice(0, 4) === dayKey(now, zone).slice(0, 4)
  if (locale === 'zh-CN') {
    // A space stands between Han and digits; the browser's formatter writes none.
    const [year, month, day] = key.split('-').map(Number)
    return `${sameYear ? '' : `${year} 年 `}${month} 月 ${day} 日`
  }
  return format(locale, zone, sameYear ? 'date' : 'dateOfYear').format(new Date(at))
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
