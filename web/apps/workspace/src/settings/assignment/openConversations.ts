import type { Conversation, ConversationView, Point } from '@qiatan/api'
import { api } from '../../api'
import { useSession } from '../../stores/session'

const VIEWS: readonly { view: ConversationView; point: Point }[] = [
  { view: 'queue', point: 'conversations.take' },
  { view: 'mine', point: 'conversations.serve' },
  { view: 'colleagues', point: 'conversations.view_colleagues' },
]
const EACH = 30

/** Conversations that go on now, of all lists the account may see, once each. */
export async function openConversations(): Promise<Conversation[]> {
  const session = useSession()
  const pages = await Promise.all(VIEWS.filter((one) => session.can(one.point)).map((one) => api.conversations(one.view, null, EACH)))
  return [...new Map(pages.flatMap((page) => page.items).map((one) => [one.id, one])).values()]
}
