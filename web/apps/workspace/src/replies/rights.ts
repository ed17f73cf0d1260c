import type { ReplyOwner } from '@qiatan/api'
import { useSession } from '../stores/session'

/** Whether I may write this owner's entries and groups. */
export function useReplyRights(): (owner: ReplyOwner) => boolean {
  const session = useSession()
  return (owner) => !session.readOnly && session.can(owner === 'own' ? 'replies.edit_own' : 'replies.edit')
}
