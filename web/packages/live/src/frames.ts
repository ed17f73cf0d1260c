/** What travels between a page and the server: docs/protocol.md, sections 4 and 5. */

import type { RichDocument } from './rich'
import type { QueuePlace, Routing, TransferOffer } from './routing'

export type MessageKind = 'text' | 'picture' | 'event' | 'withdrawal' | 'note' | 'edit' | 'rich' | 'file'
export type SenderKind = 'customer' | 'agent' | 'system'
export type Side = 'customer' | 'agent'
export type ConversationStatus = 'waiting' | 'active' | 'ended'
export type Topic = 'mine' | 'queue' | 'colleagues' | 'conversation'

/** The message an answer points at; in the same conversation. */
export interface ReplyRef {
  reply_to?: { seq: number } | null
}

export interface PictureData extends ReplyRef {
  file_id: string
  name: string
  content_type: string
  size: number
  width: number
  height: number
}

/** A file of any kind; from `expires_at` on it can no longer be read. */
export interface FileData extends ReplyRef {
  file_id: string
  name: string
  content_type: string
  size: number
  /** Opening it could run a program of whoever sent it. */
  risky: boolean
  expires_at: string
}

export interface EventData {
  name: 'assigned' | 'transferred' | 'joined' | 'left' | 'blocked' | 'idle_warning' | 'ended' | 'reopened' | 'evaluation_invited'
  agent_id?: string | null
  agent_name?: string | null
  /** Who had it before a transfer. */
  from_id?: string | null
  how?: 'by_hand' | 'delayed' | 'taken_over' | 'absent' | 'automatic' | null
  by?: string | null
  /** When an idle conversation will be ended. */
  ends_at?: string | null
}

export interface WithdrawalData {
  ref_seq: number
}

/** An edit's row: its `text` takes the place of what stands at `seq`. Only the newest edit of a message carries one. */
export interface EditOf {
  seq: number
}

export interface NoteData extends ReplyRef {
  /** Agents the note calls by name. */
  mentions?: { id: string; name: string }[] | null
}

/** Text with form; `text` of the message is what it says without it. */
export interface RichData extends ReplyRef {
  document: RichDocument
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
  data: PictureData | FileData | EventData | WithdrawalData | EditOf | NoteData | ReplyRef | RichData | null
  withdrawn: boolean
  /** Its text is not the first one any more. */
  edited?: boolean
}

export interface Participant {
  id: string
  name: string
  avatar_url: string | null
  /** Wrote notes or listened only; visitors are not told of them. */
  internal?: boolean
}

/** What a customer says of a conversation. */
export interface Evaluation {
  level: 'good' | 'medium' | 'bad'
  remark: string
  at: string
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
  last: { seq: number; kind: MessageKind; sender_kind: SenderKind; sender_id?: string | null; preview: string; at: string } | null
  customer_read_seq: number
  agent_read_seq: number
  agent_unread: number
  customer_unread: number
  unanswered_since: string | null
  /** The first answer by a person. */
  replied_at: string | null
  grade: 'gold' | 'silver' | 'bronze' | null
  evaluation?: Evaluation | null
  /** When the customer was asked last what they think of it. */
  evaluation_invited_at?: string | null
  created_at: string
  ended_at: string | null
  ended_by: 'customer' | 'agent' | 'system' | null
  participants: Participant[]
  /** What agents put on it; customers get none. */
  tags?: { id: string; name: string; color: string }[]
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

/** A file of any kind that has arrived and is not yet in a conversation. */
export interface SentFile {
  id: string
  name: string
  content_type: string
  size: number
  risky: boolean
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

/** A note that called this agent by name. */
export interface Mention {
  conversation_id: string
  seq: number
  by_id: string
  by_name: string
  preview: string
  at: string
}

/** What an agent wrote and did not send; the newer one wins. Empty text: it is gone. */
export interface Draft {
  conversation_id: string
  note: boolean
  text: string
  at: string
}

/** A stay of a customer on the site, as agents see it. */
export interface Visit {
  id: string
  customer_id: string
  channel_id: string
  page_url: string | null
  page_title: string | null
  landing_url: string | null
  referrer: string | null
  browser: string | null
  os: string | null
  device: 'desktop' | 'phone' | 'tablet' | 'bot' | null
  language: string | null
  timezone: string | null
  screen: string | null
  address: string | null
  /** A code like `CN/广东省/深圳市`, as far as the address tells. */
  region: string | null
  search_engine: string | null
  search_keyword: string | null
  started_at: string
  last_seen_at: string
}

export type ByeCode = 'signed_out' | 'view_ended' | 'two_factor_required' | 'token_expired' | 'blocked' | 'slow_reader' | 'idle' | 'replaced' | 'restarting' | 'origin_refused'

export interface SendFrame {
  type: 'send'
  client_message_id: string
  conversation_id?: string
  kind: 'text' | 'picture' | 'rich' | 'file'
  text?: string
  file_id?: string
  document?: RichDocument
  /** The message it answers. */
  reply_to?: number | null
}

export type ClientFrame =
  | { type: 'hello'; token?: string; view_as?: string; protocol: 1 }
  | { type: 'subscribe'; topic: Topic; conversation_id?: string }
  | { type: 'unsubscribe'; topic: Topic; conversation_id?: string }
  | SendFrame
  | { type: 'withdraw'; client_message_id: string; conversation_id: string; seq: number }
  | { type: 'edit'; client_message_id: string; conversation_id: string; seq: number; text: string }
  | { type: 'read'; conversation_id: string; seq: number }
  | { type: 'typing'; conversation_id?: string; text?: string }
  | { type: 'viewing'; conversation_id: string | null }
  | { type: 'page'; asleep: boolean }
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
  | { type: 'typing'; conversation_id: string; side: Side; text?: string | null; agent_id?: string | null }
  | ({ type: 'mention' } & Mention)
  | ({ type: 'draft' } & Draft)
  | { type: 'mentions_read'; conversation_id: string }
  | { type: 'viewers'; conversation_id: string; agent_ids: string[]; names: Record<string, string> }
  | { type: 'presence'; agent_id: string; status: 'online' | 'away' | 'busy' | 'offline'; connected: boolean; open: number; maximum: number; asleep?: boolean | null }
  | { type: 'routing'; routing: Routing }
  | { type: 'transfer_offer'; offer: TransferOffer }
  | { type: 'queue'; place: QueuePlace }
  | { type: 'availability'; online: boolean }
  | { type: 'replies_changed'; owner?: 'enterprise' | 'own' }
  | { type: 'visit'; visit: Visit }
  | { type: 'customer_changed'; customer_id: string; what: 'card' | 'notes' }
  | { type: 'changed'; object: 'agent' | 'group' | 'role' | 'channel' | 'enterprise' | 'security' | 'routing' | 'tags' | 'customer_fields' | 'preferences' | 'me'; id: string; version: number }
  | { type: 'pong'; at: string; digest?: string | null }
  | { type: 'bye'; code: ByeCode; message: string; within?: number | null }

export type FrameOf<K extends ServerFrame['type']> = Extract<ServerFrame, { type: K }>

export function isPicture(message: Message): message is Message & { data: PictureData } {
  return message.kind === 'picture' && message.data !== null && 'file_id' in message.data
}

export function isRich(message: Message): message is Message & { data: RichData } {
  return message.kind === 'rich' && message.data !== null && 'document' in message.data
}

export function isFile(message: Message): message is Message & { data: FileData } {
  return message.kind === 'file' && message.data !== null && 'file_id' in message.data
}

export function isEvent(message: Message): message is Message & { data: EventData } {
  return message.kind === 'event' && message.data !== null && 'name' in message.data
}

export function isWithdrawal(message: Message): message is Message & { data: WithdrawalData } {
  return message.kind === 'withdrawal' && message.data !== null && 'ref_seq' in message.data
}

export function isEdit(message: Message): message is Message & { data: EditOf } {
  return message.kind === 'edit' && message.data !== null && 'seq' in message.data
}

/** The seq of the message that this one answers, or null. */
export function repliedTo(message: Message): number | null {
  return message.data !== null && 'reply_to' in message.data ? message.data.reply_to?.seq ?? null : null
}
