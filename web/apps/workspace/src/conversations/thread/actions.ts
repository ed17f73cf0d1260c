import type { Conversation, Id, Point } from '@qiatan/api'
import { serves } from '../model/lists'

export type Action = 'transfer' | 'join' | 'leave' | 'takeOver' | 'invite' | 'why' | 'block'

/** Who looks at the conversation, and what they may do. */
export interface Looker {
  id: Id
  can: (point: Point) => boolean
  /** Looks as a colleague: reads along and changes nothing. */
  readOnly: boolean
}

/** Whether the agent has joined a colleague's conversation and may write in it. */
export function hasJoined(conversation: Conversation, me: Id): boolean {
  return conversation.status === 'active' && conversation.joined_ids.includes(me)
}

/** The customer has written, and has not said yet what they think of it. Whether they were asked just now, the server knows. */
function mayInvite({ status, unanswered_since, replied_at, evaluation }: Conversation): boolean {
  return status === 'active' && !evaluation && (unanswered_since !== null || replied_at !== null)
}

/** What may be done with a conversation beside answering and ending it. The server decides; this only leaves out what it would refuse. */
export function actionsOf(conversation: Conversation, looker: Looker): Action[] {
  const actions: Action[] = []
  if (!looker.readOnly) {
    const isServing = serves(conversation, looker.id)
    if (isServing && looker.can('conversations.transfer')) actions.push('transfer')
    if (isServing && mayInvite(conversation) && looker.can('conversations.invite_evaluation')) actions.push('invite')
    if (conversation.status === 'active' && !isServing) {
      if (hasJoined(conversation, looker.id)) actions.push('leave')
      else if (looker.can('conversations.join')) actions.push('join')
      if (looker.can('conversations.take_over')) actions.push('takeOver')
    }
  }
  if (looker.can('routing.view')) actions.push('why')
  if (!looker.readOnly && looker.can('customers.block')) actions.push('block')
  return actions
}
