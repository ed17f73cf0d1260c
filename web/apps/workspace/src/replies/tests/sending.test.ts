// @vitest-environment jsdom
import type { Me, ReplyBrief } from '@qiatan/api'
import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { ME, conversation, message } from '../../conversations/tests/make'
import { useDirectory } from '../../conversations/stores/directory'
import { useDrafts } from '../../conversations/stores/drafts'
import { useIntent } from '../../conversations/stores/intent'
import { useOutbox } from '../../conversations/stores/outbox'
import { useThread } from '../../conversations/stores/thread'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import { useReview, useSending } from '../useSending'
import { reply } from './make'

const HERE = conversation('a')
let held: (() => void)[]
let text: string

beforeEach(() => {
  localStorage.clear()
  held = []
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = { agent: { id: ME, name: '沈知夏' }, enterprise: { name: '', timezone: 'UTC' }, points: ['replies.use'] } as unknown as Me
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    if (!/replies\/r\d+$/.test(url)) return new Response(JSON.stringify({ items: [], next: null }))
    await new Promise<void>((resolve) => { held.push(resolve) })
    return new Response(JSON.stringify({ id: 'r', version: 1, text, document: null }))
  }))
  useOutbox().open(ME, () => undefined)
  useDirectory().accept(HERE)
  useThread().id = 'a'
})

/** The server answers. */
async function comes(): Promise<void> {
  for (const resolve of held) resolve()
  await flushPromises()
}

function sending(): ReturnType<typeof useSending> {
  const found = effectScope(true).run(useSending)
  if (!found) throw new Error('nothing was set up')
  return found
}

const unsent = () => useOutbox().entries.map((one) => [one.conversation_id, one.text])
const rich = (): ReplyBrief => reply('欢迎', { kind: 'rich' })

describe('a reply that is slow to come', () => {
  it('goes once, however often it is pressed, and to the conversation it was meant for', async () => {
    text = '欢迎光临'
    const { use } = sending()
    const one = rich()
    void use(one, HERE, 'send')
    void use(one, HERE, 'send')
    useThread().id = 'b'
    await comes()
    expect(unsent()).toEqual([['a', '欢迎光临']])
  })

  it('is filled in with what was known where it was pressed', async () => {
    text = '您看的是 {{page.title}}'
    useThread().context = { customer: HERE.customer, visit: { page_title: '手冲壶', page_url: '' }, earlier: [] } as unknown as ReturnType<typeof useThread>['context']
    void sending().use(rich(), HERE, 'send')
    useThread().id = 'b'
    useThread().context = null
    await comes()
    expect(unsent()).toEqual([['a', '您看的是 手冲壶']])
  })

  it('is not shown over another conversation where it has to be looked at first, and says so', async () => {
    text = '您看的是 {{page.title}}'
    void sending().use(rich(), HERE, 'send')
    useThread().id = 'b'
    await comes()
    expect([useReview().shown, unsent()]).toEqual([null, []])
    expect(toasts.value.map((one) => one.kind)).toEqual(['failed'])
  })
})

describe('a plain reply that is put into the input', () => {
  it('waits in the draft while a message is being changed there, and says so', async () => {
    useDrafts().open(ME)
    useIntent().choose('edit', message(3, { sender_kind: 'agent', sender_id: ME }))

    await sending().use(reply('发货', { text: '当天发出' }), HERE, 'insert')

    expect([useDrafts().read('a'), toasts.value.map((one) => one.text)]).toEqual(['当天发出', ['「发货」在草稿里，改完这条消息就能看到']])
  })
})
