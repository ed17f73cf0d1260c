import { dayKey } from '../../conversations/model/time'
import { dayStart, nextDay } from '../security/days'

/** How long a new key lives: so many days, until a chosen day is over, or until it is revoked. */
export type Expiry = '30' | '90' | '365' | 'custom' | 'never'

export const EXPIRIES: readonly Expiry[] = ['30', '90', '365', 'custom', 'never']

const DAY_MS = 86_400_000

/** The first day that may be chosen: tomorrow in the zone. */
export function firstDay(now: number, zone: string): string {
  return nextDay(dayKey(now, zone))
}

export type ExpiryFault = 'customNeeded' | 'customPast'

export function expiryFault(expiry: Expiry, day: string, now: number, zone: string): ExpiryFault | null {
  if (expiry !== 'custom') return null
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return 'customNeeded'
  return day < firstDay(now, zone) ? 'customPast' : null
}

/** When a key ends; null: never. A chosen day is still whole. */
export function expiresAt(expiry: Expiry, day: string, now: number, zone: string): string | null {
  if (expiry === 'never') return null
  return expiry === 'custom' ? dayStart(nextDay(day), zone) : new Date(now + Number(expiry) * DAY_MS).toISOString()
}

export type KeyState = 'active' | 'expired' | 'revoked'

export function stateOf(key: { expires_at: string | null; revoked_at: string | null }, now: number): KeyState {
  if (key.revoked_at !== null) return 'revoked'
  return key.expires_at !== null && Date.parse(key.expires_at) <= now ? 'expired' : 'active'
}
