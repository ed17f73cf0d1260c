/** What travels between a page and the server: docs/protocol.md, sections 4 and 5. */

import type { QueuePlace, Routing, TransferOffer } from './routing'

export type MessageKind = 'text' | 'picture' | 'event' | 'withdrawal' | 'note'
export type SenderKind = 'customer' | 'agent' | 'system'
export type Side = 'customer' | 'agent'
export type ConversationStatus = 'waiting' | 'active' | 'ended'
export type Topic = 'mine' | 'queue' | 'colleagues' | 'conversation'

export interface PictureData {
  file_id: string
  name: string
  content_type: string
  size: number
  width: number
  height: number
}

export interface EventData {
  name: 'assigned' | 'transferred' | 'joined' | 'left' | 'idle_warning' | 'ended' | 'reopened'
  agent_id?: string | null
  agent_name?: string | null
  /** Who had it before a transfer. */
  from_id?: string | null
  how?: 'by_hand' | 'delayed' | 'taken_over' | 'absent' | null
  by?: string | null
  /** When an idle conversation will be ended. */
  ends_at?: string | null
}

export interface WithdrawalData {
  ref_seq: number
}

export interface Message {
  conversation_id: string
  seq: number
  kind: MessageKind
  sender_kind: SenderKind
  sender_id: string | null
  client_message_id: string | null
  /** RFC 3339, UTC. */
  at: string
  text: string | null
  data: PictureData | EventData | WithdrawalData | null
  withdrawn: boolean
}

export interface Participant {
  id: string
  name: string
  avatar_url: string | null
  /** Wrote notes or listened only; visitors are not told of them. */
  internal?: boolean
}

export interface Conversation {
  id: string
  customer: { id: string; name: string; vip: boolean }
  channel: { id: string; kind: string; name: string }
  status: ConversationStatus
  assignee_id: string | null
  /** Supervisors who have joined and may write, too. */
  joined_ids: string[]
  head: number
  version: number
  last: { seq: number; kind: MessageKind; sender_kind: SenderKind; preview: string; at: string } | null
  customer_read_seq: number
  agent_read_seq: number
  agent_unread: number
  customer_unread: number
  unanswered_since: string | null
  /** The first answer by a person. */
  replied_at: string | null
  grade: 'gold' | 'silver' | 'bronze' | null
  created_at: string
  ended_at: string | null
  ended_by: 'customer' | 'agent' | 'system' | null
  participants: Participant[]
}

/** An uploaded picture that is not yet in a conversation. */
export interface UploadedFile {
  id: string
  name: string
  content_type: string
  size: number
  width: number
  height: number
}

export interface Ack {
  client_message_id: string
  conversation_id: string
  seq: number
  at: string
}

export interface MessagePage {
  items: Message[]
  head: number
  more: boolean
}

export interface ConversationHead {
  id: string
  head: number
  version: number
}

export type ByeCode = 'signed_out' | 'view_ended' | 'two_factor_required' | 'token_expired' | 'slow_reader' | 'idle' | 'replaced' | 'shutting_down' | 'origin_refused'

export interface SendFrame {
  type: 'send'
  client_message_id: string
  conversation_id?: string
  kind: 'text' | 'picture'
  text?: string
  file_id?: string
}

export type ClientFrame =
  | { type: 'hello'; token?: string; view_as?: string; protocol: 1 }
  | { type: 'subscribe'; topic: Topic; conversation_id?: string }
  | { type: 'unsubscribe'; topic: Topic; conversation_id?: string }
  | SendFrame
  | { type: 'withdraw'; client_message_id: string; conversation_id: string; seq: number }
  | { type: 'read'; conversation_id: string; seq: number }
  | { type: 'typing'; conversation_id?: string; text?: string }
  | { type: 'ping' }

export type ServerFrame =
  | { type: 'welcome'; protocol: number; me: { kind: 'agent' | 'customer'; id: string }; at: string }
  | { type: 'subscribed'; topic: Topic; conversation_id?: string; conversations: ConversationHead[] }
  | ({ type: 'ack' } & Ack)
  | { type: 'error'; code: string; ref?: string | null; message: string; retry_after?: number | null; field?: string | null }
  | ({ type: 'message' } & Message)
  | { type: 'conversation'; conversation: Conversation }
  | { type: 'conversation_gone'; conversation_id: string; topic: Topic }
  | { type: 'read'; conversation_id: string; side: Side; seq: number }
  | { type: 'typing'; conversation_id: string; side: Side; text?: string | null }
  | { type: 'presence'; agent_id: string; status: 'online' | 'away' | 'busy' | 'offline'; connected: boolean; open: number; maximum: number }
  | { type: 'routing'; routing: Routing }
  | { type: 'transfer_offer'; offer: TransferOffer }
  | { type: 'queue'; place: QueuePlace }
  | { type: 'availability'; online: boolean }
  | { type: 'changed'; object: 'agent' | 'group' | 'role' | 'channel' | 'enterprise' | 'security' | 'routing' | 'me'; id: string; version: number }
  | { type: 'pong'; at: string; digest?: string | null }
  | { type: 'bye'; code: ByeCode; message: string }

export type FrameOf<K extends ServerFrame['type']> = Extract<ServerFrame, { type: K }>

export function isPicture(message: Message): message is Message & { data: PictureData } {
  return message.kind === 'picture' && message.data !== null && 'file_id' in message.data
}

export function isEvent(message: Message): message is Message & { data: EventData } {
  return message.kind === 'event' && message.data !== null && 'name' in message.data
}

export function isWithdrawal(message: Message): message is Message & { data: WithdrawalData } {
  return message.kind === 'withdrawal' && message.data !== null && 'ref_seq' in message.data
}
