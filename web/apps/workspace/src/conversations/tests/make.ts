import type { Conversation } from '@qiatan/api'
import type { Message, OutboxEntry } from '@qiatan/live'

export const ME = 'agent-1'

export function conversation(id: string, over: Partial<Conversation> = {}): Conversation {
  return {
    id,
    customer: { id: `customer-${id}`, name: '陈若溪' },
    channel: { id: 'channel-1', kind: 'web', name: '官网' },
    status: 'active',
    assignee_id: ME,
    head: 0,
    version: 1,
    last: null,
    customer_read_seq: 0,
    agent_read_seq: 0,
    agent_unread: 0,
    customer_unread: 0,
    unanswered_since: null,
    created_at: '2026-11-22T06:00:00Z',
    ended_at: null,
    ended_by: null,
    participants: [],
    ...over,
  }
}

export function message(seq: number, over: Partial<Message> = {}): Message {
  return {
    conversation_id: 'a',
    seq,
    kind: 'text',
    sender_kind: 'customer',
    sender_id: 'customer-a',
    client_message_id: `client-${seq}`,
    at: '2026-11-22T06:10:00Z',
    text: `第 ${seq} 句`,
    data: null,
    withdrawn: false,
    ...over,
  }
}

export function unsent(id: string, over: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    client_message_id: id,
    conversation_id: 'a',
    kind: 'text',
    text: '在路上',
    blob: null,
    name: null,
    file: null,
    state: 'sending',
    error: null,
    progress: null,
    created_at: Date.parse('2026-11-22T06:20:00Z'),
    ...over,
  }
}
