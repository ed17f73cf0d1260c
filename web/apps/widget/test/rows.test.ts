import { beforeAll, describe, expect, it } from 'vitest'
import type { Conversation, Message, OutboxEntry } from '@qiatan/live'
import { setLocale } from '../src/i18n'
import { buildRows, type BubbleRow, type Row } from '../src/logic/rows'

beforeAll(() => setLocale('zh-CN'))

const now = new Date(2026, 9, 20, 15, 0)
const context = { now, locale: 'zh-CN' as const, greeting: '' }

function conversation(part: Partial<Conversation> = {}): Conversation {
  return {
    id: 'c1',
    customer: { id: 'v1', name: '', vip: false },
    channel: { id: 'h1', kind: 'web', name: '' },
    status: 'active',
    assignee_id: 'a1',
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
    created_at: '',
    ended_at: null,
    ended_by: null,
    participants: [{ id: 'a1', name: '沈知夏', avatar_url: null }],
    ...part,
  }
}

let seq = 0
function message(part: Partial<Message> & { minute?: number; day?: number } = {}): Message {
  const { minute = 0, day = 20, ...rest } = part
  seq += 1
  return {
    conversation_id: 'c1',
    seq,
    kind: 'text',
    sender_kind: 'customer',
    sender_id: rest.sender_kind === 'agent' ? 'a1' : null,
    client_message_id: `id${seq}`,
    at: new Date(2026, 9, day, 14, minute).toISOString(),
    text: 't',
    data: null,
    withdrawn: false,
    ...rest,
  }
}

const event = (data: Message['data'], minute = 0): Message => message({ kind: 'event', sender_kind: 'system', text: null, client_message_id: null, data, minute })

/** Rows in short: lines by their text, bubbles as own or not, joined or not, with what stands below. */
function short(rows: Row[]): string[] {
  return rows.map((row) =>
    row.type === 'line' ? row.text : `${row.own ? '>' : '<'}${row.text ?? '□'}${row.first ? '' : ' joined'}${row.time ? ` ${row.time} ${row.delivery}` : ''}`,
  )
}

const rowsOf = (items: Message[], part: Partial<Conversation> = {}, unsent: OutboxEntry[] = []): string[] =>
  short(buildRows([{ conversation: conversation(part), items }], unsent, context))

const entry = (part: Partial<OutboxEntry> = {}): OutboxEntry => ({
  client_message_id: 'x1',
  conversation_id: null,
  kind: 'text',
  text: 'unsent',
  blob: null,
  name: null,
  file: null,
  reply_to: null,
  state: 'sending',
  error: null,
  progress: null,
  created_at: now.getTime(),
  ...part,
})

describe('rows', () => {
  it('shows what a message answers, as far as it is known, and that its words were changed', () => {
    seq = 0
    const asked = message({ text: 'how wide?' })
    const answer = message({ text: '98 mm', sender_kind: 'agent', sender_id: 'a1', data: { reply_to: { seq: asked.seq } }, edited: true })
    const lost = message({ text: 'yes', sender_kind: 'agent', sender_id: 'a1', data: { reply_to: { seq: 99 } } })
    const taken = message({ text: null, data: null, withdrawn: true })
    const late = message({ text: 'no', sender_kind: 'agent', sender_id: 'a1', data: { reply_to: { seq: taken.seq } } })
    const rows = buildRows([{ conversation: conversation(), items: [asked, answer, lost, taken, late] }], [], context)
    const shown = rows.flatMap((row) => (row.type === 'bubble' ? [[row.text, row.quote?.text ?? null, row.edited]] : []))
    expect(shown).toEqual([['how wide?', null, false], ['98 mm', 'how wide?', true], ['yes', '更早的消息', false], ['no', '更早的消息', false]])
  })

  it('says that the customer is asked, and nothing of who asked', () => {
    seq = 0
    expect(rowsOf([event({ name: 'evaluation_invited', how: 'by_hand', agent_name: '顾言' })])).toEqual(['今天 14:00\u3000请您评价这次服务'])
  })

  it('joins what one person wrote within minutes and says the time once', () => {
    seq = 0
    expect(rowsOf([message({ text: 'a' }), message({ text: 'b', minute: 1 }), message({ text: 'c', minute: 9 }), message({ text: 'd', sender_kind: 'agent', minute: 9 })], { agent_read_seq: 3 })).toEqual([
      '今天 14:00',
      '>a',
      '>b joined 14:01 read',
      '>c 14:09 read',
      '<d',
    ])
  })

  it('tells where within a group reading ends', () => {
    seq = 0
    expect(rowsOf([message({ text: 'a' }), message({ text: 'b' })], { agent_read_seq: 1 }, [entry()])).toEqual([
      '今天 14:00',
      '>a 14:00 read',
      '>b joined 14:00 sent',
      '>unsent 15:00 sending',
    ])
  })

  it('marks a new day and a long pause', () => {
    seq = 0
    expect(rowsOf([message({ day: 3 }), message({ day: 19 }), message({ minute: 0 }), message({ minute: 30 })])).toEqual([
      '10月3日 14:00',
      '>t 14:00 sent',
      '昨天 14:00',
      '>t 14:00 sent',
      '今天 14:00',
      '>t 14:00 sent',
      '今天 14:30',
      '>t 14:30 sent',
    ])
  })

  it('tells events and withdrawals as grey lines', () => {
    seq = 0
    const items = [
      event({ name: 'assigned', agent_id: 'a1', agent_name: '沈知夏' }),
      message({ withdrawn: true, text: null }),
      message({ sender_kind: 'agent', withdrawn: true, text: null }),
      event({ name: 'assigned', agent_id: 'a2', agent_name: '程思远' }, 5),
      event({ name: 'ended', by: 'agent' }, 6),
    ]
    expect(rowsOf(items)).toEqual(['今天 14:00\u3000沈知夏为您服务', '14:00\u3000您撤回了一条消息', '14:00\u3000沈知夏撤回了一条消息', '14:05\u3000现在由 程思远 为您服务', '14:06\u3000对话已结束'])
  })

  it('tells who has the conversation now, who came and went, and why it ends', () => {
    seq = 0
    const items = [
      event({ name: 'assigned', agent_id: 'a1', agent_name: '沈知夏' }),
      event({ name: 'transferred', agent_id: 'a2', agent_name: '程思远', from_id: 'a1', how: 'delayed' }, 1),
      event({ name: 'joined', agent_id: 'a3', agent_name: '顾一鸣' }, 2),
      event({ name: 'left', agent_id: 'a3', agent_name: '顾一鸣' }, 3),
      event({ name: 'idle_warning', ends_at: new Date(2026, 9, 20, 14, 35).toISOString() }, 4),
      event({ name: 'ended', by: 'system' }, 5),
    ]
    expect(rowsOf(items)).toEqual([
      '今天 14:00\u3000沈知夏为您服务',
      '14:01\u3000现在由 程思远 为您服务',
      '14:02\u3000顾一鸣 加入了对话',
      '14:03\u3000顾一鸣 离开了对话',
      '14:04\u3000若没有新消息，对话将在 14:35 自动结束',
      '14:05\u3000对话已自动结束',
    ])
  })

  it('shows nothing of what agents note among themselves, nor of events it does not know', () => {
    seq = 0
    const items = [
      message({ kind: 'note', sender_kind: 'system', text: null, client_message_id: null }),
      message({ text: 'a', minute: 1 }),
      event({ name: 'renamed' as 'ended' }, 2),
      message({ kind: 'note', sender_kind: 'system', text: null, client_message_id: null, minute: 50 }),
      message({ text: 'b', minute: 2 }),
    ]
    expect(rowsOf(items)).toEqual(['今天 14:01', '>a', '>b joined 14:02 sent'])
  })

  it('shows name and face of a supervisor who has joined', () => {
    const items = [message({ sender_kind: 'agent' }), message({ sender_kind: 'agent', sender_id: 'a3' })]
    const participants = [{ id: 'a1', name: '沈知夏', avatar_url: null }, { id: 'a3', name: '顾一鸣', avatar_url: '/a/3' }]
    const shown = buildRows([{ conversation: conversation({ participants }), items }], [], context).filter((row): row is BubbleRow => row.type === 'bubble')
    expect(shown.map(({ name, face, showName }) => [name, face, showName])).toEqual([['沈知夏', null, true], ['顾一鸣', '/a/3', true]])
  })

  it('names agents only where several took part', () => {
    const items = [message({ sender_kind: 'agent' }), message({ sender_kind: 'agent' })]
    const names = (participants: Conversation['participants']): boolean[] =>
      buildRows([{ conversation: conversation({ participants }), items }], [], context)
        .filter((row): row is BubbleRow => row.type === 'bubble')
        .map((row) => row.showName)
    expect(names([{ id: 'a1', name: '沈知夏', avatar_url: null }])).toEqual([false, false])
    expect(names([{ id: 'a1', name: '沈知夏', avatar_url: null }, { id: 'a2', name: '程思远', avatar_url: null }])).toEqual([true, false])
  })

  it('keeps the key of a message when it is acknowledged, so that nothing jumps', () => {
    const unsent = buildRows([], [entry({ client_message_id: 'same' })], context)
    const sent = buildRows([{ conversation: conversation(), items: [message({ client_message_id: 'same' })] }], [], context)
    expect(sent.map((row) => row.key)).toContain(unsent[0]?.key)
  })

  it('begins with the greeting, which joins nothing', () => {
    const rows = buildRows([{ conversation: conversation(), items: [message({ sender_kind: 'agent' })] }], [], { ...context, greeting: '您好' })
    expect(short(rows)[0]).toBe('<您好')
    expect((rows[0] as BubbleRow).last).toBe(true)
  })
})
