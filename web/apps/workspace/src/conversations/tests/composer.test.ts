// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useReview, type Review } from '../../replies/useSending'
import { useSession } from '../../stores/session'
import MessageComposer from '../composer/MessageComposer.vue'
import { useEdit } from '../composer/useEdit'
import { useDrafts } from '../stores/drafts'
import { useIntent } from '../stores/intent'
import { ME, conversation, message } from './make'

let release: (() => void) | null

beforeEach(() => {
  document.body.replaceChildren()
  localStorage.clear()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: ['conversations.serve', 'replies.use'] } as unknown as Me
  useDrafts().open(ME)
  release = null
  vi.stubGlobal('CSS', { supports: () => true })
  vi.stubGlobal('fetch', vi.fn(async (_url: string, init?: RequestInit) => {
    if (init?.method === 'POST' || init?.method === 'PUT' || init?.method === 'PATCH') await new Promise<void>((resolve) => { release = resolve })
    return new Response(JSON.stringify({ conversation_id: 'a', seq: 9, client_message_id: 'm', at: '2026-11-22T06:00:00Z', items: [] }))
  }))
})

/** The notes that were sent: to which conversation, and what. */
function notesSent(): string[][] {
  return vi.mocked(fetch).mock.calls.flatMap(([url, init]) => {
    const of = /conversations\/(\w+)\/notes$/.exec(String(url))?.[1]
    return of === undefined ? [] : [[of, (JSON.parse(String(init?.body)) as { text: string }).text]]
  })
}

function write() {
  return mount(MessageComposer, { props: { conversation: conversation('a', { status: 'active', assignee_id: ME }), noteOnly: false }, global: { stubs: { QuickReplies: true, ReplyReview: true } }, attachTo: document.body })
}

describe('while what was written is on its way', () => {
  it('what is written on in the same message is kept, and is still to be saved', async () => {
    useIntent().choose('edit', message(3, { text: '周五到', sender_kind: 'agent', sender_id: ME }))
    const wrapper = write()
    const field = wrapper.get('textarea')
    await field.setValue('周六到')
    await field.trigger('keydown', { key: 'Enter' })
    await field.setValue('周六到，上午')
    release?.()
    await flushPromises()

    expect(field.element.value).toBe('周六到，上午')
    expect(useIntent().known.get('a')?.kind).toBe('edit')
    wrapper.unmount()
  })

  it('whoever writes elsewhere meanwhile is not called back', async () => {
    const elsewhere = document.body.appendChild(document.createElement('input'))
    const wrapper = write()
    await wrapper.get('.note-toggle').trigger('click')
    const field = wrapper.get('textarea')
    await field.setValue('请财务看一下')
    await field.trigger('keydown', { key: 'Enter' })
    elsewhere.focus()
    release?.()
    await flushPromises()

    expect(field.element.value).toBe('')
    expect(document.activeElement).toBe(elsewhere)
    wrapper.unmount()
  })
})

describe('a slow answer to what was written in one conversation', () => {
  const there = conversation('b', { status: 'active', assignee_id: ME })

  it('holds up no note in another, and does not bring the cursor into it', async () => {
    const wrapper = write()
    await wrapper.get('.note-toggle').trigger('click')
    const field = wrapper.get('textarea')
    await field.setValue('请财务看一下')
    await field.trigger('keydown', { key: 'Enter' })
    const first = release
    await wrapper.setProps({ conversation: there })
    await wrapper.get('.note-toggle').trigger('click')
    await field.setValue('这位要加急')
    await flushPromises()
    field.element.blur()
    first?.()
    await flushPromises()
    expect([field.element.value, document.activeElement]).toEqual(['这位要加急', document.body])

    await field.trigger('keydown', { key: 'Enter' })
    release?.()
    await flushPromises()
    expect(notesSent()).toEqual([['a', '请财务看一下'], ['b', '这位要加急']])
    wrapper.unmount()
  })

  it('neither holds up a note elsewhere while it lasts, nor lets the same be written twice by who comes back', async () => {
    const wrapper = write()
    await wrapper.get('.note-toggle').trigger('click')
    await wrapper.get('textarea').setValue('请财务看一下')
    await wrapper.get('textarea').trigger('keydown', { key: 'Enter' })
    await wrapper.setProps({ conversation: there })
    await wrapper.get('.note-toggle').trigger('click')
    await wrapper.get('textarea').setValue('这位要加急')
    await wrapper.get('textarea').trigger('keydown', { key: 'Enter' })
    wrapper.unmount()

    const again = write()
    await again.get('textarea').trigger('keydown', { key: 'Enter' })
    expect(again.get('textarea').element.value).toBe('请财务看一下')
    expect(notesSent()).toEqual([['a', '请财务看一下'], ['b', '这位要加急']])
    again.unmount()
  })

  it('does not give the number of a change that failed to the message at the same place of another', async () => {
    const numbers: string[] = []
    vi.stubGlobal('fetch', vi.fn(async (_url: string, init: RequestInit) => {
      numbers.push((JSON.parse(String(init.body)) as { client_message_id: string }).client_message_id)
      return new Response('{}', { status: 503 })
    }))
    const { save } = useEdit()
    await save(message(3), '周六到')
    await save(message(3, { conversation_id: 'b' }), '周六到')
    await save(message(3), '周六到')

    expect(numbers[0]).not.toBe(numbers[1])
    expect(numbers[2]).toBe(numbers[0])
  })
})

describe('a message that was to be answered', () => {
  it('takes the cursor when it is chosen, and not from whoever only comes by its conversation', async () => {
    const intents = useIntent()
    const wrapper = write()
    intents.choose('reply', message(3))
    await flushPromises()
    const field = wrapper.get('textarea').element
    expect(document.activeElement).toBe(field)

    field.blur()
    await wrapper.setProps({ conversation: conversation('b', { status: 'active', assignee_id: ME }) })
    await wrapper.setProps({ conversation: conversation('a', { status: 'active', assignee_id: ME }) })
    await flushPromises()
    expect(wrapper.find('.bar').exists()).toBe(true)
    expect(document.activeElement).toBe(document.body)
    wrapper.unmount()
  })
})

describe('a reply that is looked at before it goes', () => {
  it('is shown while a note is written too, and not over another conversation', async () => {
    const review = useReview()
    const wrapper = write()
    await wrapper.get('.note-toggle').trigger('click')
    review.shown = { reply: { id: 'r' } } as unknown as Review
    await flushPromises()
    expect(wrapper.find('reply-review-stub').exists()).toBe(true)

    await wrapper.setProps({ conversation: conversation('b', { status: 'active', assignee_id: ME }) })
    expect(review.shown).toBeNull()

    review.shown = { reply: { id: 'r' } } as unknown as Review
    wrapper.unmount()
    expect(review.shown).toBeNull()
  })
})
