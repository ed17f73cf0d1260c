import { clockTime, dayName, longDate } from '../conversations/model/time'
import { currentLocale, t } from '../i18n'

/** Day and time to the minute, in the enterprise's zone; of the days around `now` their names. */
export function moment(at: string, timezone: string, now: number = Date.now()): string {
  const name = dayName(at, now, timezone)
  return `${name === null ? longDate(at, now, timezone, currentLocale()) : t(`common.day.${name}`)} ${clockTime(at, timezone)}`
}
