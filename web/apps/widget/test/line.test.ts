import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type * as Live from '@qiatan/live'
import type { ClientFrame, Conversation, Message } from '@qiatan/live'
import type { BubbleRow } from '../src/logic/rows'

/** The line as the server sees it: what it was told, and what it says. */
const { told, line } = vi.hoisted(() => ({
  told: [] as unknown[],
  line: { open: true, heard: new Map<string, (value: unknown) => void>() },
}))

vi.mock('@qiatan/live', async (original) => ({
  ...(await original<typeof Live>()),
  LiveConnection: class {
    state = 'open'
    on(name: string, listener: (value: unknown) => void): () => void {
      line.heard.set(name, listener)
      return () => undefined
    }
    send(frame: ClientFrame): boolean {
      if (line.open) told.push(frame)
      return line.open
    }
  },
}))

function hears(name: string, value: unknown): void {
  line.heard.get(name)?.(value)
}

const conversation = { id: 'c1', status: 'active', head: 2, version: 1, customer_read_seq: 0, agent_read_seq: 0, customer_unread: 1, participants: [] } as unknown as Conversation
const message = (seq: number, part: Partial<Message>): Message =>
  ({ conversation_id: 'c1', seq, kind: 'text', sender_kind: 'customer', sender_id: null, client_message_id: `m${seq}`, at: '', text: `${seq}`, data: null, withdrawn: false, ...part }) as Message

async function talking() {
  const chat = await import('../src/state/chat')
  const threads = await import('../src/state/threads')
  threads.take(conversation)
  threads.append([message(1, {}), message(2, { sender_kind: 'agent' })])
  return { chat, threads }
}

beforeEach(() => {
  vi.resetModules()
  vi.useRealTimers()
  localStorage.clear()
  history.replaceState(null, '', '/widget/k%201/panel')
  told.length = 0
  line.open = true
  line.heard.clear()
})

describe('a message that is taken back', () => {
  it('on a line that breaks before the answer, is so on the next one, under the same number, and is asked for once', async () => {
    const { chat } = await talking()
    chat.withdraw('c1', 1)
    chat.withdraw('c1', 1)
    hears('state', { state: 'lost' })
    hears('state', { state: 'open' })
    const [first, second, ...more] = told as { type: string; client_message_id: string; seq: number }[]
    expect(first).toMatchObject({ type: 'withdraw', conversation_id: 'c1', seq: 1 })
    expect([second, more]).toEqual([first, []])

    hears('ack', { client_message_id: first?.client_message_id, conversation_id: 'c1', seq: 3, at: '' })
    hears('state', { state: 'open' })
    expect(told.length).toBe(2)
  })

  it('without a line says that it waits, and what came of it once it was too late', async () => {
    const { chat } = await talking()
    await (await import('../src/i18n')).setLocale('zh-CN')
    const { default: Bubble } = await import('../src/components/Bubble.vue')
    const row = { own: true, text: '1', at: new Date(), source: { conversationId: 'c1', seq: 1 }, delivery: 'sent', time: null, picture: null, file: null, rich: null, quote: null } as unknown as BubbleRow
    const shown = mount(Bubble, { props: { row, now: new Date() } })
    vi.useFakeTimers()
    line.open = false
    hears('state', { state: 'lost' })
    vi.advanceTimersByTime(5_000)
    await shown.get('.take').trigger('click')
    await flushPromises()
    expect(shown.get('.meta').text()).toBe('恢复连接后撤回')

    line.open = true
    hears('state', { state: 'open' })
    hears('error', { code: 'too_late', ref: (told[0] as { client_message_id: string }).client_message_id })
    await flushPromises()
    expect(shown.find('.meta').exists()).toBe(false)
    expect(chat.refusal.code).toBe('too_late')
  })
})

describe('what was read', () => {
  const mark = { type: 'read', conversation_id: 'c1', seq: 2 }

  it('is told again on the next line, as the one before may have swallowed it', async () => {
    const { chat } = await talking()
    chat.markSeen()
    hears('state', { state: 'lost' })
    hears('state', { state: 'open' })
    expect(told).toEqual([mark, mark])
  })

  it('without a line counts as read when there is one again', async () => {
    const { chat, threads } = await talking()
    line.open = false
    chat.markSeen()
    expect([told, threads.unread.value]).toEqual([[], 1])
    line.open = true
    hears('state', { state: 'open' })
    expect([told, threads.unread.value]).toEqual([[mark], 0])
  })
})
