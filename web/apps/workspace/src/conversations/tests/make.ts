import type { Conversation, Me, Point, Routing, TransferOffer } from '@qiatan/api'
import type { Message, OutboxEntry, ServerFrame } from '@qiatan/live'

export const ME = 'agent-1'

export function conversation(id: string, over: Partial<Conversation> = {}): Conversation {
  return {
    id,
    customer: { id: `customer-${id}`, name: '陈若溪', vip: false },
    channel: { id: 'channel-1', kind: 'web', name: '官网' },
    status: 'active',
    assignee_id: ME,
    joined_ids: [],
    head: 0,
    version: 1,
    last: null,
    customer_read_seq: 0,
    agent_read_seq: 0,
    agent_unread: 0,
    customer_unread: 0,
    unanswered_since: null,
    replied_at: null,
    grade: null,
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
    reply_to: null,
    state: 'sending',
    error: null,
    progress: null,
    created_at: Date.parse('2026-11-22T06:20:00Z'),
    ...over,
  }
}

export function routing(id: string, over: Partial<Routing> = {}): Routing {
  return {
    conversation_id: id,
    state: 'queued',
    target: { kind: 'enterprise', id: null, name: null },
    position: 1,
    expected_seconds: null,
    entered_at: '2026-11-22T06:00:00Z',
    transfer_due_at: null,
    transfer_step: null,
    transfer_steps: 0,
    ...over,
  }
}

export function offer(id: string, over: Partial<TransferOffer> = {}): TransferOffer {
  return {
    id,
    conversation_id: 'a',
    customer_name: '陈若溪',
    from_agent_id: 'agent-2',
    from_agent_name: '唐砚',
    to_agent_id: ME,
    to_group_id: null,
    to_name: '沈知夏',
    note: '',
    state: 'open',
    made_at: '2026-11-22T06:00:00Z',
    due_at: '2026-11-22T06:01:00Z',
    ...over,
  }
}

/** Me, as the server answers who is signed in. */
export function signedIn(...points: Point[]): Me {
  return { agent: { id: ME, version: 1, role: { id: 'role-1' }, scope: { kind: 'self', group_ids: [] } }, enterprise: { version: 1 }, points, csrf_token: 'x' } as unknown as Me
}

/** The network's edge: a socket the test speaks through. */
export class TestSocket {
  static current: TestSocket | null = null
  static readonly OPEN = 1
  readyState = 1
  sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onerror: (() => void) | null = null

  constructor() {
    TestSocket.current = this
    setTimeout(() => {
      this.onopen?.()
      this.say({ type: 'welcome', protocol: 1, me: { kind: 'agent', id: ME }, at: '' })
    })
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>)
  }

  close(): void {
    this.readyState = 3
  }

  say(...frames: ServerFrame[]): void {
    this.onmessage?.({ data: JSON.stringify(frames) })
  }
}

/** The server speaks on the line that was opened last. */
export function say(...frames: ServerFrame[]): void {
  TestSocket.current?.say(...frames)
}
