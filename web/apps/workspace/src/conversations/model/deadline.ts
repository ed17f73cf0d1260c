import type { Conversation, Routing } from '@qiatan/api'
import { type Urgency } from './time'

/** This near the delayed transfer the waiting time turns amber, then red; in seconds. */
export const SOON_WITHIN = 30
export const LATE_WITHIN = 10

export interface Deadline {
  /** Until the transfer; never negative, as the server may be a moment late. */
  seconds: number
  level: Urgency
  step: number
  steps: number
}

/** When the conversation goes to somebody else unless a person answers; null where nothing threatens (any more). */
export function deadlineOf(conversation: Conversation, routing: Routing | undefined, now: number): Deadline | null {
  if (!routing?.transfer_due_at || conversation.status !== 'active' || conversation.replied_at !== null) return null
  const seconds = Math.max(0, Math.ceil((Date.parse(routing.transfer_due_at) - now) / 1000))
  const level = seconds <= LATE_WITHIN ? 'late' : seconds <= SOON_WITHIN ? 'soon' : 'calm'
  return { seconds, level, step: routing.transfer_step ?? 1, steps: routing.transfer_steps }
}

/** Whole seconds until a moment, at least 0. */
export function secondsUntil(at: string, now: number): number {
  return Math.max(0, Math.ceil((Date.parse(at) - now) / 1000))
}
