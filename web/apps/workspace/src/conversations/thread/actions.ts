import type { Conversation, Id, Point } from '@qiatan/api'
import { viewOf } from '../model/lists'

export type Action = 'transfer' | 'join' | 'leave' | 'takeOver' | 'why'

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

/** What may be done with a conversation beside answering and ending it. The server decides; this only leaves out what it would refuse. */
export function actionsOf(conversation: Conversation, looker: Looker): Action[] {
  const actions: Action[] = []
  const view = viewOf(conversation, looker.id)
  if (!looker.readOnly) {
    if (view === 'mine' && looker.can('conversations.transfer')) actions.push('transfer')
    if (view === 'colleagues') {
      if (hasJoined(conversation, looker.id)) actions.push('leave')
      else if (looker.can('conversations.join')) actions.push('join')
      if (looker.can('conversations.take_over')) actions.push('takeOver')
    }
  }
  if (looker.can('routing.view')) actions.push('why')
  return actions
}
