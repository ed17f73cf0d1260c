import { t } from '../i18n'

/** A time in words, to the second below an hour; a dash where there is none. */
export function duration(seconds: number | null): string {
  if (seconds === null) return '–'
  const whole = Math.round(seconds)
  if (whole < 60) return t('home.seconds', { seconds: whole })
  if (whole < 3_600) return t('home.minutes', { minutes: Math.floor(whole / 60), seconds: whole % 60 })
  return t('home.hours', { hours: Math.floor(whole / 3_600), minutes: Math.floor((whole % 3_600) / 60) })
}

/** Good ones among those that were rated, in percent; null where nobody has rated. */
export function percent(good: number, evaluated: number): number | null {
  return evaluated === 0 ? null : Math.round((good / evaluated) * 100)
}
