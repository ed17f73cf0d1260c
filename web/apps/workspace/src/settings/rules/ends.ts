import type { AutoEnd } from '@qiatan/api'

/** What a kind of channel has that is not named in the settings. */
export const STANDARD_END: AutoEnd = { minutes: 30, warn: false }
export const MAX_MINUTES = 1_440

export function endFault({ minutes }: AutoEnd): boolean {
  return minutes !== null && (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES)
}
