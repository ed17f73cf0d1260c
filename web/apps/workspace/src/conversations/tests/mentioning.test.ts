// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import MessageComposer from '../composer/MessageComposer.vue'
import { useEdit } from '../composer/useEdit'
import { draftKey, useDrafts } from '../stores/drafts'
import { ME, conversation, message } from './make'

const LILEI = { id: 'agent-9', name: '李雷' }
/** Whom a note may call; null: no answer comes. */
let targets: { id: string; name: string }[] | null
/** By which part of their name they were asked for. */
let sought: string[]
let sent: { text: string; mentions?: string[] }[]

beforeEach(() => {
  document.body.replaceChildren()
  localStorage.clear()
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = { agent: { id: ME }, points: ['conversations.serve'] } as unknown as Me
  useDrafts().open(ME)
  targets = [LILEI]
  sought = []
  sent = []
  vi.stubGlobal('CSS', { supports: () => true })
  vi.stubGlobal('fetch', vi.fn((url: string, init?: RequestInit) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    if (pathname.endsWith('/mention-targets')) {
      if (targets === null) return Promise.resolve(new Response('{}', { status: 409 }))
      const part = searchParams.get('q') ?? ''
      sought.push(part)
      return Promise.resolve(new Response(JSON.stringify({ items: targets.filter((one) => one.name.includes(part)).slice(0, 200) })))
    }
    if (pathname.endsWith('/notes')) sent.push(JSON.parse(String(init?.body)) as { text: string; mentions?: string[] })
    return Promise.resolve(new Response(JSON.stringify({ conversation_id: 'a', seq: 9, client_message_id: 'm', at: '2026-11-22T06:00:00Z', items: [] })))
  }))
})
afterEach(() => { vi.unstubAllGlobals() })

function write() {
  return mount(MessageComposer, { props: { conversation: conversation('a'), noteOnly: true }, global: { stubs: { QuickReplies: true, ReplyReview: true } }, attachTo: document.body })
}

async function send(wrapper: ReturnType<typeof write>): Promise<void> {
  await wrapper.get('.pri').trigger('click')
  await flushPromises()
}

describe('a note that was begun before', () => {
  it('calls whom it names after another conversation was looked at', async () => {
    const wrapper = write()
    await wrapper.get('textarea').setValue('@李雷 请看一下')
    await wrapper.setProps({ conversation: conversation('b') })
    await wrapper.setProps({ conversation: conversation('a') })
    await send(wrapper)
    expect(sent.map((one) => one.mentions)).toEqual([[LILEI.id]])
    expect(wrapper.get('textarea').element.value).toBe('')
    wrapper.unmount()
  })

  it('calls whom it names though the page is new, once however often it is sent', async () => {
    useDrafts().write(draftKey('a', true), '@李雷 请看一下')
    const wrapper = write()
    await wrapper.get('textarea').trigger('keydown', { key: 'Enter' })
    await wrapper.get('textarea').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(sent.map((one) => one.mentions)).toEqual([[LILEI.id]])
    wrapper.unmount()
  })

  it.each([
    ['@同事7号 @李雷 请看一下', ['agent-x7', LILEI.id], ['', '李']],
    ['@李雷请看一下，客户说了很多，这里一句也不省，一直写到比谁的名字都长', [LILEI.id], ['', '李']],
    ['@李雷，请看', [LILEI.id], ['', '李']],
    // given more of one beginning than the server names, a longer one is asked for; what two of them share, once
    ['@同事305号请看，@同事306号也看', ['agent-x305', 'agent-x306'], ['', '同', '同事', '同事3']],
    ['@谁也不是', undefined, ['', '谁']],
  ])('calls whom it names among more than the server names at once: %s', async (text, mentions, asked) => {
    targets = [...Array.from({ length: 310 }, (_, at) => ({ id: `agent-x${at}`, name: `同事${at}号` })), LILEI]
    useDrafts().write(draftKey('a', true), text)
    const wrapper = write()
    await send(wrapper)
    expect([sent.map((one) => one.mentions), sought]).toEqual([[mentions], asked])
    wrapper.unmount()
  })

  it('stays, and says so, where nobody can say whom it calls', async () => {
    targets = null
    useDrafts().write(draftKey('a', true), '@李雷 请看一下')
    const wrapper = write()
    await send(wrapper)
    expect(sent).toEqual([])
    expect(wrapper.get('textarea').element.value).toBe('@李雷 请看一下')
    expect(toasts.value.map((one) => one.text)).toEqual(['没有写成：查不到可以提到谁，请再试一次。'])
    wrapper.unmount()
  })
})

it('what no outbox takes stays in the field', async () => {
  const wrapper = write()
  await wrapper.setProps({ noteOnly: false })
  await wrapper.get('textarea').setValue('在路上')
  await send(wrapper)
  expect(wrapper.get('textarea').element.value).toBe('在路上')
  wrapper.unmount()
})

it('a change that comes too late is told in its own words', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ error: { code: 'too_late', message: '' } }), { status: 409 })))
  expect(await useEdit().save(message(3), '周六到')).toBe(false)
  expect(toasts.value.map((one) => one.text)).toEqual(['发出超过 15 分钟，不能修改了'])
})
