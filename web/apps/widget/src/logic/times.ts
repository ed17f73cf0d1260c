import { t, type Locale } from '../i18n'

const pad = (value: number): string => String(value).padStart(2, '0')

export function clock(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`
}

const midnight = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()

export function sameDay(a: Date, b: Date): boolean {
  return midnight(a) === midnight(b)
}

/** 今天 14:22, 昨天 20:18, 3月5日 9:00, and the year where it is another one. */
export function moment(at: Date, now: Date, locale: Locale): string {
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000)
  if (days === 0) return `${t('today')} ${clock(at)}`
  if (days === 1) return `${t('yesterday')} ${clock(at)}`
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const }
  return `${at.toLocaleDateString(locale, { month: 'long', day: 'numeric', ...year })} ${clock(at)}`
}
