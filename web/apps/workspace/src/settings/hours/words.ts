import type { CalendarFault, Hours } from '@qiatan/api'
import { clockTime, dayKey, longDate } from '../../conversations/model/time'
import { currentLocale, t } from '../../i18n'

const MONDAY = Date.UTC(2026, 0, 5)
const DAY_MS = 86_400_000

/** Monday is 0: 周一, Monday. */
export function weekdayName(day: number): string {
  return new Intl.DateTimeFormat(currentLocale(), { weekday: 'short', timeZone: 'UTC' }).format(MONDAY + day * DAY_MS)
}

/** When what is saved opens or closes next; only where there are hours. */
export function openLine(hours: Hours, now: number): string {
  const at = hours.changes_at
  if (at === null) return t(hours.open_now ? 'service.hours.openNever' : 'service.hours.closedNever')
  const same = dayKey(at, hours.timezone) === dayKey(now, hours.timezone)
  const tomorrow = dayKey(at, hours.timezone) === dayKey(now + DAY_MS, hours.timezone)
  const day = same ? t('service.hours.today') : tomorrow ? t('service.hours.tomorrow') : longDate(at, now, hours.timezone, currentLocale())
  return t(hours.open_now ? 'service.hours.openUntil' : 'service.hours.closedUntil', { day, time: clockTime(at, hours.timezone) })
}

const READING: Readonly<Record<string, 'notCsv' | 'threeThings' | 'noDate' | 'twice' | 'noKind' | 'noOff' | 'badName' | undefined>> = {
  not_csv: 'notCsv', not_three: 'threeThings', no_date: 'noDate', twice: 'twice', no_kind: 'noKind', no_off_day: 'noOff', bad_name: 'badName',
}

/** Why a line of a calendar file was not read. */
export function readingFault(fault: CalendarFault): string {
  const known = READING[fault.code]
  return known ? t(`service.hours.${known}`, { there: fault.found }) : fault.message
}

/** `2026-10`: 10 月, Oct. */
export function monthTitle(month: string): string {
  const written = new Intl.DateTimeFormat(currentLocale(), { month: 'short', timeZone: 'UTC' }).format(Date.parse(`${month}-01T00:00:00Z`))
  return written.replace(/(\d)(\p{Script=Han})/gu, '$1 $2')
}
