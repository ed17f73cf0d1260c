import type { Conversation, Evaluation } from '@qiatan/live'
import { ApiError } from './http'
import { call, channelKey } from './session'
import { storage } from './storage'

export const MOST_REMARK = 500

export interface EvaluationForm {
  open: boolean
  prompt: string
  until: string | null
  evaluation: Evaluation | null
}

/** What may be said of a conversation now; null where the server cannot be asked. */
export async function formOf(conversationId: string): Promise<EvaluationForm | null> {
  try {
    return await call<EvaluationForm>('GET', `/widget/conversations/${conversationId}/evaluation`)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return null
  }
}

/** Raises ApiError. */
export function say(conversationId: string, level: Evaluation['level'], remark: string): Promise<Conversation> {
  return call('PUT', `/widget/conversations/${conversationId}/evaluation`, { level, remark })
}

const SKIPPED = `qiatan.rate.${channelKey}`
const invitation = ({ id, evaluation_invited_at }: Conversation): string => `${id} ${evaluation_invited_at ?? ''}`

/** Who does not want to say it is asked again by a new invitation only, in any tab. */
export function skip(conversation: Conversation): void {
  storage.setItem(SKIPPED, invitation(conversation))
}

export function skipped(conversation: Conversation): boolean {
  return storage.getItem(SKIPPED) === invitation(conversation)
}
