import type { Conversation, ConversationView } from '@qiatan/api'
import { isEdit, isFile, type ConversationHead, type Message } from '@qiatan/live'

/** The list a conversation belongs to for this agent. Which conversations the agent may see at all is the server's decision. */
export function viewOf(conversation: Conversation, myId: string): ConversationView {
  if (conversation.status === 'waiting') return 'queue'
  if (conversation.status === 'ended') return 'ended'
  return serves(conversation, myId) || conversation.joined_ids.includes(myId) ? 'mine' : 'colleagues'
}

/** Whether this agent is the one who serves it now; who has joined it reads and writes along. */
export function serves(conversation: Conversation, myId: string): boolean {
  return conversation.status === 'active' && conversation.assignee_id === myId
}

/** Which of two copies of a conversation is true: the newer version, with the longer history of the two kept. */
export function newer(known: Conversation | undefined, incoming: Conversation): Conversation {
  if (!known) return incoming
  if (incoming.version < known.version) return known
  if (incoming.head >= known.head) {
    // Reading grows no version: an answer that was on its way while it was marked here knows less.
    const isReadFurther = known.agent_read_seq > incoming.agent_read_seq && known.head === incoming.head
    return {
      ...incoming,
      customer_read_seq: Math.max(known.customer_read_seq, incoming.customer_read_seq),
      ...(isReadFurther ? { agent_read_seq: known.agent_read_seq, agent_unread: known.agent_unread } : {}),
    }
  }
  // Messages arrived here that the copy was made before: status and owner are newer in the copy, the last line is not.
  const { head, last, agent_unread, customer_unread, unanswered_since } = known
  return {
    ...incoming, head, last, agent_unread, customer_unread, unanswered_since, replied_at: incoming.replied_at ?? known.replied_at,
    customer_read_seq: Math.max(known.customer_read_seq, incoming.customer_read_seq), agent_read_seq: Math.max(known.agent_read_seq, incoming.agent_read_seq),
  }
}

/** `subscribed` names at most this many conversations, and the digest of a heartbeat speaks of as many: of more, those with the lowest ids. */
export const SUBSCRIBED_LIMIT = 500

/** How far what is open under `mine` has come: as this page knows it, and as the server named it where it lies on a page of the list not loaded yet. */
export function openHeads(named: ReadonlyMap<string, ConversationHead>, known: ReadonlyMap<string, Conversation>, mine: readonly Conversation[]): ConversationHead[] {
  const open = new Map<string, ConversationHead>(mine.map((one) => [one.id, one]))
  for (const [id, head] of named) open.set(id, known.get(id) ?? head)
  const heads = [...open.values()].map(({ id, head, version }) => ({ id, head, version }))
  if (heads.length <= SUBSCRIBED_LIMIT) return heads
  return heads.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, SUBSCRIBED_LIMIT)
}

const PREVIEW_LENGTH = 120

/**
 * The conversation after a message of its own arrived, counted as the server counts: events move the head alone, a withdrawal is a
 * last line but nothing unread. A message that is not newer than the head changes nothing.
 */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  if (message.seq <= conversation.head) return conversation
  const next: Conversation = { ...conversation, head: message.seq }
  // An internal note is for agents only: nobody has answered, and no list shows it.
  if (message.sender_kind === 'system' || message.kind === 'note') return next
  if (message.kind === 'edit') {
    if (next.last && isEdit(message) && message.data.seq === next.last.seq) next.last = { ...next.last, preview: (message.text ?? '').slice(0, PREVIEW_LENGTH) }
    return next
  }
  next.last = {
    seq: message.seq,
    kind: message.kind,
    sender_kind: message.sender_kind,
    sender_id: message.sender_id,
    preview: (isFile(message) ? message.data.name : message.text ?? '').slice(0, PREVIEW_LENGTH),
    at: message.at,
  }
  const counts = message.kind === 'withdrawal' ? 0 : 1
  if (message.sender_kind === 'customer') {
    next.agent_unread = conversation.agent_unread + counts
    next.unanswered_since = conversation.unanswered_since ?? message.at
  } else {
    next.customer_unread = conversation.customer_unread + counts
    next.unanswered_since = null
    if (counts > 0) next.replied_at = conversation.replied_at ?? message.at
  }
  return next
}

/** The conversation after one side has read up to `seq`. */
export function withRead(conversation: Conversation, side: 'customer' | 'agent', seq: number): Conversation {
  if (side === 'customer') {
    if (seq <= conversation.customer_read_seq) return conversation
    return {
      ...conversation,
      customer_read_seq: seq,
      customer_unread: seq >= conversation.head ? 0 : conversation.customer_unread,
    }
  }
  if (seq <= conversation.agent_read_seq) return conversation
  const reachesLast = seq >= (conversation.last?.seq ?? 0)
  return {
    ...conversation,
    agent_read_seq: seq,
    agent_unread: reachesLast ? 0 : Math.min(conversation.agent_unread, conversation.head - seq),
  }
}

/**
 * A list's order after a fetch or a frame: rows already shown keep their places, so that none moves from under the pointer;
 * new rows come in at the end where people wait in line, at the top elsewhere; rows that left are taken out.
 */
export function arrange(shown: readonly string[], present: readonly string[], newRows: 'top' | 'end'): string[] {
  const stays = new Set(present)
  const known = new Set(shown)
  const kept = shown.filter((id) => stays.has(id))
  const added = present.filter((id) => !known.has(id))
  return newRows === 'top' ? [...added, ...kept] : [...kept, ...added]
}

/** Adds a later page below what is shown; rows that are there already are not repeated. */
export function appendPage(shown: readonly string[], page: readonly string[]): string[] {
  const known = new Set(shown)
  return [...shown, ...page.filter((id) => !known.has(id))]
}

/** Whether a row is found by what was typed: every word is in the name or the last line, case and width set aside. */
export function matches(conversation: Conversation, query: string): boolean {
  const text = fold(`${conversation.customer.name} ${conversation.last?.preview ?? ''}`)
  return fold(query).split(/\s+/).every((word) => text.includes(word))
}

function fold(text: string): string {
  return text.normalize('NFKC').toLocaleLowerCase().trim()
}

/** How many conversations of mine have something unread: the number on the rail and in the title. */
export function unreadConversations(conversations: Iterable<Conversation>, myId: string): number {
  let count = 0
  for (const conversation of conversations) if (conversation.agent_unread > 0 && serves(conversation, myId)) count += 1
  return count
}
