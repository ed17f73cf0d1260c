import type { Conversation, Evaluation } from '@qiatan/api'
import type { Message, OutboxEntry } from '@qiatan/live'
import { dayKey } from './time'

export interface Entry {
  key: string
  message: Message | null
  pending: OutboxEntry | null
}

export type Delivery = 'sending' | 'waiting' | 'failed' | 'sent' | 'read' | null

export interface GroupItem {
  type: 'group'
  key: string
  side: 'customer' | 'agent'
  senderId: string | null
  entries: Entry[]
  at: string
  delivery: Delivery
}

export type ThreadItem =
  | { type: 'day'; key: string; at: string }
  | { type: 'conversation'; key: string; conversation: Conversation }
  | { type: 'new'; key: string }
  | { type: 'event'; key: string; message: Message }
  | { type: 'withdrawn'; key: string; message: Message }
  | { type: 'note'; key: string; message: Message }
  | { type: 'evaluation'; key: string; evaluation: Evaluation }
  | GroupItem

/** One conversation's stretch of the thread: an earlier one of the same customer, or the one on the screen. */
export interface Stretch {
  conversation: Conversation
  messages: readonly Message[]
}

export interface ThreadInput {
  earlier: readonly Stretch[]
  current: Stretch
  /** Messages of the agent that the server has not acknowledged yet. */
  pending: readonly OutboxEntry[]
  /** Whether the line is open: without it, what is not sent waits instead of going out. */
  online: boolean
  /** The last seq the agent had read when the conversation was opened; the line 「新消息」 comes after it. Null: no line. */
  newAfter: number | null
  zone: string
}

/**
 * The thread as it is drawn: days, separators, events, and groups of one sender within one minute.
 * Keys are stable: a pending message that is acknowledged keeps the key of its client message id, so nothing is redrawn.
 */
export function threadItems(input: ThreadInput): ThreadItem[] {
  const builder = new ThreadBuilder(input.zone)
  for (const stretch of input.earlier) {
    builder.startConversation(stretch.conversation)
    for (const message of stretch.messages) builder.addMessage(message, stretch.conversation.customer_read_seq)
    builder.addEvaluation(stretch.conversation)
  }
  if (input.earlier.length > 0) builder.startConversation(input.current.conversation)
  for (const message of input.current.messages) {
    const isNew = input.newAfter !== null && message.seq > input.newAfter
    if (isNew && message.sender_kind === 'customer' && message.kind !== 'withdrawal') builder.markNew(message.at)
    builder.addMessage(message, input.current.conversation.customer_read_seq)
  }
  builder.addEvaluation(input.current.conversation)
  for (const pending of input.pending) builder.addPending(pending, input.online)
  return builder.items
}

/** A group is drawn as a whole: one that a machine fills within a minute must not grow without end. */
const MAX_GROUP = 20

class ThreadBuilder {
  readonly items: ThreadItem[] = []
  #conversationId = ''
  #day = ''
  #quarter = NaN
  #group: GroupItem | null = null
  #newMarked = false
  /** Whether the conversation that is being written down has anything yet. */
  #hasMessages = false

  constructor(private readonly zone: string) {}

  startConversation(conversation: Conversation): void {
    this.#group = null
    this.#day = ''
    this.#quarter = NaN
    this.#hasMessages = false
    this.#conversationId = conversation.id
    this.items.push({ type: 'conversation', key: `conversation-${conversation.id}`, conversation })
  }

  /** Draws the line of new messages, once, below the day it belongs to; not where the whole conversation is new. */
  markNew(at: string): void {
    if (this.#newMarked) return
    this.#newMarked = true
    this.#startDay(at)
    if (!this.#hasMessages) return
    this.#group = null
    this.items.push({ type: 'new', key: 'new' })
  }

  /** What the customer said stands below the last message, however often they changed it. */
  addEvaluation({ id, evaluation }: Conversation): void {
    if (!evaluation) return
    this.#group = null
    this.items.push({ type: 'evaluation', key: `evaluation-${id}`, evaluation })
  }

  addMessage(message: Message, customerReadSeq: number): void {
    // A withdrawal shows in the place of the message it takes back, which carries `withdrawn`.
    if (message.kind === 'withdrawal') return
    this.#hasMessages = true
    this.#startDay(message.at)
    const key = message.client_message_id ?? `${message.conversation_id}-${message.seq}`
    if (message.kind === 'event') {
      this.#group = null
      this.items.push({ type: 'event', key, message })
      return
    }
    if (message.withdrawn) {
      this.#group = null
      this.items.push({ type: 'withdrawn', key, message })
      return
    }
    if (message.kind === 'note') {
      this.#group = null
      this.items.push({ type: 'note', key, message })
      return
    }
    const side = message.sender_kind === 'agent' ? 'agent' : 'customer'
    const delivery: Delivery = side === 'customer' ? null : message.seq <= customerReadSeq ? 'read' : 'sent'
    this.#addEntry({ key, message, pending: null }, side, message.sender_id, message.at, delivery)
  }

  addPending(pending: OutboxEntry, online: boolean): void {
    const at = new Date(pending.created_at).toISOString()
    const delivery: Delivery = pending.state === 'failed' ? 'failed' : online ? 'sending' : 'waiting'
    this.#startDay(at)
    this.#addEntry({ key: pending.client_message_id, message: null, pending }, 'agent', null, at, delivery)
  }

  #addEntry(entry: Entry, side: GroupItem['side'], senderId: string | null, at: string, delivery: Delivery): void {
    const group = this.#group
    if (group && joins(group, side, senderId, at, delivery)) {
      group.entries.push(entry)
      group.at = at
      group.delivery = delivery
      return
    }
    this.#group = { type: 'group', key: `group-${entry.key}`, side, senderId, entries: [entry], at, delivery }
    this.items.push(this.#group)
  }

  #startDay(at: string): void {
    // Every zone changes its day at a full quarter of an hour; asking for the day of each message would be the dearest part of a long thread.
    const quarter = Math.floor(Date.parse(at) / 900_000)
    if (quarter === this.#quarter) return
    this.#quarter = quarter
    const day = dayKey(at, this.zone)
    if (day === this.#day) return
    this.#day = day
    this.#group = null
    this.items.push({ type: 'day', key: `day-${this.#conversationId}-${day}`, at })
  }
}

/** The thread as it is now, with the former object for whatever is as it was: that is not drawn again. */
export function steady(before: readonly ThreadItem[], now: ThreadItem[]): ThreadItem[] {
  const known = new Map(before.map((item) => [item.key, item]))
  return now.map((item) => {
    const former = known.get(item.key)
    return former && isSame(former, item) ? former : item
  })
}

function isSame(a: ThreadItem, b: ThreadItem): boolean {
  if (a.type === 'group') {
    return b.type === 'group' && a.delivery === b.delivery && a.at === b.at && a.side === b.side && a.senderId === b.senderId
      && a.entries.length === b.entries.length && a.entries.every((entry, index) => isSameEntry(entry, b.entries[index]))
  }
  if ('message' in a) return 'message' in b && a.type === b.type && a.message === b.message
  if (a.type === 'conversation') return b.type === 'conversation' && a.conversation === b.conversation
  if (a.type === 'evaluation') return b.type === 'evaluation' && a.evaluation === b.evaluation
  return a.type === b.type && (a.type !== 'day' || b.type !== 'day' || a.at === b.at)
}

function isSameEntry(a: Entry, b: Entry | undefined): boolean {
  return b !== undefined && a.key === b.key && a.message === b.message && a.pending === b.pending
}

/** A group holds one sender and one minute. What is not sent yet stays apart from what is: its line says something else. */
function joins(group: GroupItem, side: GroupItem['side'], senderId: string | null, at: string, delivery: Delivery): boolean {
  if (group.entries.length >= MAX_GROUP) return false
  if (group.side !== side || minuteOf(group.at) !== minuteOf(at)) return false
  if (delivery === 'failed' || group.delivery === 'failed') return false
  const stored = (state: Delivery): boolean => state === null || state === 'sent' || state === 'read'
  if (!stored(delivery) || !stored(group.delivery)) return delivery === group.delivery
  return group.senderId === senderId
}

function minuteOf(at: string): number {
  return Math.floor(Date.parse(at) / 60_000)
}

/** Whether the sender may still take a message back. The rule is the server's (two minutes); the page only hides what would be refused. */
export const WITHDRAW_WITHIN_MS = 120_000

/** How long the sender may change the text. The rule is the server's as well. */
export const EDIT_WITHIN_MS = 15 * 60_000

export function mayEdit(message: Message, myId: string, now: number, conversation: Conversation): boolean {
  const isMine = message.sender_kind === 'agent' && message.sender_id === myId
  const isText = message.kind === 'text' || message.kind === 'note'
  return isMine && isText && !message.withdrawn && conversation.status === 'active' && message.conversation_id === conversation.id && now - Date.parse(message.at) < EDIT_WITHIN_MS
}

/** Whether a message can be answered: something a person said, in a conversation one may write in. */
export function mayReply(message: Message): boolean {
  return message.sender_kind !== 'system' && message.kind !== 'event' && message.kind !== 'withdrawal' && !message.withdrawn
}

export function mayWithdraw(message: Message, myId: string, now: number): boolean {
  const isMine = message.sender_kind === 'agent' && message.sender_id === myId
  const isContent = message.kind !== 'event' && message.kind !== 'withdrawal' && message.kind !== 'edit'
  return isMine && isContent && !message.withdrawn && now - Date.parse(message.at) < WITHDRAW_WITHIN_MS
}
