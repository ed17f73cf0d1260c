import type { Preferences } from '@qiatan/api'

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Whether nothing calls at a moment, by the clock of a time zone. A span that reaches over midnight belongs to the day it began on. */
export function isQuiet(hours: Preferences['quiet_hours'], now: Date, timeZone: string): boolean {
  if (!hours.enabled) return false
  const parts = new Intl.DateTimeFormat('en', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(now)
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? ''
  const clock = `${part('hour')}:${part('minute')}`
  const today = DAYS.indexOf(part('weekday')) + 1
  const yesterday = today === 1 ? 7 : today - 1
  if (hours.start < hours.until) return hours.days.includes(today) && hours.start <= clock && clock < hours.until
  return (hours.days.includes(today) && clock >= hours.start) || (hours.days.includes(yesterday) && clock < hours.until)
}
