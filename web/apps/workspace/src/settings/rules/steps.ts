import type { DelayedStep } from '@qiatan/api'
import { t } from '../../i18n'

/** Every step lies between these, exclusive of both (F04). */
export const AFTER = 10
export const BEFORE = 180
export const MAX_STEPS = 3

/** What is wrong with each step, in words; null where nothing is. 10 < N1 < N2 < N3 < 180. */
export function stepFaults(steps: readonly DelayedStep[]): (string | null)[] {
  return steps.map(({ seconds }, i) => {
    if (!Number.isInteger(seconds)) return t('service.rules.stepWhole')
    if (seconds <= AFTER) return t('service.rules.stepTooSoon', { seconds: AFTER })
    if (seconds >= BEFORE) return t('service.rules.stepTooLate', { seconds: BEFORE })
    const before = steps[i - 1]?.seconds
    if (before !== undefined && Number.isInteger(before) && seconds <= before) return t('service.rules.stepOrder', { n: i + 1, before: i, seconds: before })
    return null
  })
}

/** A step that follows those there are: half a minute later, or halfway to the end. Null where none fits in any more. */
export function nextStep(steps: readonly DelayedStep[]): DelayedStep | null {
  if (steps.length >= MAX_STEPS) return null
  const last = steps.at(-1)?.seconds ?? 30
  if (!Number.isInteger(last) || last >= BEFORE - 1) return null
  const seconds = Math.min(last + 30, Math.max(last + 1, Math.floor((last + BEFORE) / 2)))
  return { seconds: Math.max(seconds, AFTER + 1), group_id: null }
}

export interface Mark {
  /** Per cent of the way from the first message to 180 s. */
  at: number
  seconds: number
  number: number
  /** Labels that would run into each other stand on lines of their own. */
  line: number
}

/** Where the steps stand in the picture; those that are no moment within it are left out. */
export function marks(steps: readonly DelayedStep[]): Mark[] {
  const drawn: Mark[] = []
  steps.forEach(({ seconds }, i) => {
    if (!Number.isFinite(seconds) || seconds < 0 || seconds > BEFORE) return
    drawn.push({ at: (seconds / BEFORE) * 100, seconds, number: i + 1, line: 0 })
  })
  // the first one stands lowest: no line to a later label runs through an earlier one
  return drawn.map((mark, i) => ({ ...mark, line: drawn.length - 1 - i }))
}
