import type { Id } from '@qiatan/api'
import { live } from '../../live'

const AT_MOST_EVERY_MS = 1_000

/** Tells the customer that the agent is writing, at most once a second. The text itself is not sent. */
export function useTypingSignal(): (conversationId: Id) => void {
  let last = 0
  return (conversationId) => {
    const now = Date.now()
    if (now - last < AT_MOST_EVERY_MS) return
    if (live.send({ type: 'typing', conversation_id: conversationId })) last = now
  }
}
