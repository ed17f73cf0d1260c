import { computed, shallowRef, triggerRef } from 'vue'
import { Timeline, type Conversation, type ConversationHead, type Message, type MessagePage, type PageQuery } from '@qiatan/live'
import { call } from './session'

/** The visitor's conversations: all known by head, those on the screen with their messages. */
const conversations = shallowRef(new Map<string, Conversation>())
const timelines = shallowRef(new Map<string, Timeline>())
/** Ids in the order of time. */
const order = shallowRef<string[]>([])

export const threads = computed(() =>
  order.value
    .filter((id) => timelines.value.has(id))
    .map((id) => ({ conversation: conversations.value.get(id) ?? null, items: timelines.value.get(id)?.items ?? [] })),
)

export const current = computed<Conversation | null>(() => {
  const last = order.value.at(-1)
  return (last && conversations.value.get(last)) || null
})

export const openHeads = (): ConversationHead[] =>
  [...conversations.value.values()]
    .filter(({ status }) => status !== 'ended')
    .map(({ id, version, head }) => ({ id, version, head: Math.max(head, timelines.value.get(id)?.head ?? 0) }))

export const hasEarlier = computed(() => {
  const first = threads.value[0]
  if (!first) return false
  const id = order.value.find((known) => timelines.value.has(known))
  return order.value[0] !== id || (timelines.value.get(id ?? '')?.hasEarlier ?? false)
})

/** What agents wrote and the visitor has not seen. */
export const unread = computed(() => {
  let count = 0
  for (const [id, conversation] of conversations.value) {
    const timeline = timelines.value.get(id)
    count += timeline?.isOpen
      ? timeline.items.filter((message) => message.sender_kind === 'agent' && !message.withdrawn && message.seq > conversation.customer_read_seq).length
      : conversation.customer_unread
  }
  return count
})

function timelineOf(id: string): Timeline {
  const known = timelines.value.get(id)
  if (known) return known
  const timeline = new Timeline({
    conversationId: id,
    pageSize: 30,
    fetch: (query) => page(id, query),
    onChange: () => triggerRef(timelines),
  })
  timelines.value.set(id, timeline)
  triggerRef(timelines)
  return timeline
}

async function page(id: string, query: PageQuery): Promise<MessagePage> {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
  return call('GET', `/widget/conversations/${id}/messages?${parameters}`)
}

/** Reads the list and opens the newest conversation. Raises ApiError. */
export async function loadConversations(): Promise<void> {
  const { items } = await call<{ items: Conversation[] }>('GET', '/widget/conversations')
  for (const conversation of items) take(conversation)
  const newest = order.value.at(-1)
  if (newest) await timelineOf(newest).open(conversations.value.get(newest)?.head)
}

/** A conversation as the server tells it; an older version is ignored, read marks only grow. */
export function take(conversation: Conversation): void {
  const known = conversations.value.get(conversation.id)
  if (known && known.version > conversation.version) return
  conversations.value.set(conversation.id, {
    ...conversation,
    customer_read_seq: Math.max(conversation.customer_read_seq, known?.customer_read_seq ?? 0),
    agent_read_seq: Math.max(conversation.agent_read_seq, known?.agent_read_seq ?? 0),
  })
  triggerRef(conversations)
  place(conversation.id)
  timelines.value.get(conversation.id)?.setHead(conversation.head)
}

/** Messages from the line. Those of a conversation not known yet open it at the end. */
export function append(messages: readonly Message[]): void {
  for (const message of messages) {
    place(message.conversation_id)
    const timeline = timelineOf(message.conversation_id)
    timeline.apply([message])
    if (!timeline.isOpen) timeline.open().catch(() => triggerRef(timelines))
  }
}

/** What `subscribed` names; answers whether something is there that the list does not have yet. */
export function catchUp(heads: readonly ConversationHead[]): boolean {
  let missing = false
  for (const { id, head, version } of heads) {
    const known = conversations.value.get(id)
    missing ||= !known || known.version < version
    timelines.value.get(id)?.setHead(head)
  }
  // one that ended while the line was down is not among the open ones
  return missing || openHeads().some(({ id }) => !heads.some((head) => head.id === id))
}

export function markRead(id: string, side: 'customer' | 'agent', seq: number): void {
  const known = conversations.value.get(id)
  if (!known) return
  const field = side === 'customer' ? 'customer_read_seq' : 'agent_read_seq'
  if (known[field] >= seq) return
  conversations.value.set(id, { ...known, [field]: seq })
  triggerRef(conversations)
}

/** The highest seq of an agent that the visitor can have read, per conversation on the screen. */
export function readable(): { id: string; seq: number }[] {
  const found: { id: string; seq: number }[] = []
  for (const [id, conversation] of conversations.value) {
    const last = timelines.value.get(id)?.items.reduce((seq, message) => (message.sender_kind === 'agent' ? message.seq : seq), 0) ?? 0
    if (last > conversation.customer_read_seq) found.push({ id, seq: last })
  }
  return found
}

export function contains(clientMessageId: string): boolean {
  for (const timeline of timelines.value.values()) if (timeline.has(clientMessageId)) return true
  return false
}

/** The page above what is shown: of the oldest shown conversation, else the conversation before it. Raises ApiError. */
export async function loadEarlier(): Promise<void> {
  const index = order.value.findIndex((id) => timelines.value.has(id))
  const timeline = timelines.value.get(order.value[index] ?? '')
  if (timeline?.hasEarlier) {
    await timeline.loadEarlier()
    return
  }
  const before = order.value[index - 1]
  if (before) await timelineOf(before).open(conversations.value.get(before)?.head)
}

export function forgetAll(): void {
  for (const timeline of timelines.value.values()) timeline.dispose()
  conversations.value = new Map()
  timelines.value = new Map()
  order.value = []
}

/** UUIDv7 ids sort by the time they were made. */
function place(id: string): void {
  if (order.value.includes(id)) return
  order.value = [...order.value, id].sort()
}
