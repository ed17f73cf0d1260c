import { currentLocale } from '../i18n'

/** Date and time to the minute, in the enterprise's zone. */
export function moment(at: string, timezone: string): string {
  return new Intl.DateTimeFormat(currentLocale(), { dateStyle: 'medium', timeStyle: 'short', timeZone: timezone, hourCycle: 'h23' }).format(new Date(at))
}
