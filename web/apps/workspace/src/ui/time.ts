import { clockTime, dayName, longDate } from '../conversations/model/time'
import { currentLocale, t } from '../i18n'

/** Day and time to the minute, in the enterprise's zone, as part of a sentence; of the days around `now` their names. */
export function moment(at: string, timezone: string, now: number = Date.now()): string {
  const name = dayName(at, now, timezone)
  return `${name === null ? longDate(at, now, timezone, currentLocale()) : t(`common.day.${name}`)} ${clockTime(at, timezone)}`
}

/** The same where it stands alone or begins a line, as in the cell of a table: "Today 14:20". */
export function momentAlone(at: string, timezone: string, now: number = Date.now()): string {
  const text = moment(at, timezone, now)
  return text.charAt(0).toLocaleUpperCase(currentLocale()) + text.slice(1)
}
