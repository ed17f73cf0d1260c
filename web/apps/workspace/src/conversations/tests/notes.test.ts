// @vitest-environment jsdom
import type { CustomerNote, Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import CustomerNotes from '../side/CustomerNotes.vue'
import { useThread } from '../stores/thread'
import { useUnsaved } from '../stores/unsaved'
import { ME } from './make'

const NOTE = { id: 'n1', text: '喜欢青瓷', mine: true, author_name: '顾南乔', version: 1, created_at: '2026-11-22T06:00:00Z', changed_at: null } as unknown as CustomerNote
let release: (() => void) | null
let sent: unknown[]
/** What is there, page by page. */
let notes: CustomerNote[][]
let asked: number

beforeEach(() => {
  document.body.replaceChildren()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: ['customers.edit'] } as unknown as Me
  release = null
  sent = []
  notes = [[NOTE]]
  asked = 0
  vi.stubGlobal('fetch', vi.fn(async (url: string, init?: RequestInit) => {
    if (init?.method === 'POST' || init?.method === 'PATCH') {
      sent.push(JSON.parse(String(init.body)))
      await new Promise<void>((resolve) => { release = resolve })
      return new Response(JSON.stringify(NOTE))
    }
    asked += 1
    const at = Number(new URL(url, 'http://localhost').searchParams.get('after') ?? 0)
    return new Response(JSON.stringify({ items: notes[at], next: at + 1 < notes.length ? String(at + 1) : null }))
  }))
})

async function open() {
  const wrapper = mount(CustomerNotes, { props: { customerId: 'c' }, attachTo: document.body })
  await flushPromises()
  return wrapper
}

describe('a note that is being written', () => {
  it('is there again after another one was changed in between', async () => {
    const wrapper = await open()
    await wrapper.get('.hd button').trigger('click')
    await wrapper.get('textarea').setValue('下周要开发票')

    await wrapper.get('.dots').trigger('click')
    await wrapper.get('.meta .acts button').trigger('click')
    expect(wrapper.get('textarea').element.value).toBe('喜欢青瓷')
    await wrapper.get('textarea').trigger('keydown', { key: 'Escape' })
    await flushPromises()

    expect(wrapper.findAll('textarea').map((one) => one.element.value)).toEqual(['下周要开发票'])
    wrapper.unmount()
  })

  it('leaves nothing behind where nothing was written before another one was opened', async () => {
    const wrapper = await open()
    await wrapper.get('.hd button').trigger('click')
    await wrapper.get('.dots').trigger('click')
    await wrapper.get('.meta .acts button').trigger('click')
    await wrapper.get('textarea').trigger('keydown', { key: 'Escape' })
    await flushPromises()

    expect(wrapper.find('textarea').exists()).toBe(false)
    expect(useUnsaved().texts.size).toBe(0)
    wrapper.unmount()
  })

  it('does not call whoever writes elsewhere back when it is saved', async () => {
    const elsewhere = document.body.appendChild(document.createElement('input'))
    const wrapper = await open()
    await wrapper.get('.hd button').trigger('click')
    await wrapper.get('textarea').setValue('要发票')
    await wrapper.get('form').trigger('submit')
    elsewhere.focus()
    release?.()
    await flushPromises()

    expect(sent).toEqual([{ text: '要发票' }])
    expect(wrapper.find('textarea').exists()).toBe(false)
    expect(document.activeElement).toBe(elsewhere)
    wrapper.unmount()
  })
})

describe('a note that goes, or moves down, while it is being changed', () => {
  /** A colleague changed the notes of this customer. */
  async function heard(): Promise<void> {
    const thread = useThread()
    const before = asked
    thread.notesRound += 1
    await vi.waitFor(() => expect(asked).toBe(before + notes.length))
    await flushPromises()
  }

  async function changing(text: string) {
    const wrapper = await open()
    await wrapper.get('.dots').trigger('click')
    await wrapper.get('.meta .acts button').trigger('click')
    await wrapper.get('textarea').setValue(text)
    return wrapper
  }

  it('leaves what was written, with the cursor in it, says so, and lets it be saved as a new one', async () => {
    const wrapper = await changing('喜欢青瓷，要发票')
    notes = [[]]
    await heard()
    expect(wrapper.text()).toContain('这条备注已被删除')
    expect(wrapper.text()).not.toContain('还没有备注')
    expect(wrapper.get('textarea').element.value).toBe('喜欢青瓷，要发票')
    expect(document.activeElement).toBe(wrapper.get('textarea').element)

    await wrapper.get('form').trigger('submit')
    notes = [[{ ...NOTE, id: 'n2', text: '喜欢青瓷，要发票' }]]
    release?.()
    await flushPromises()
    expect(vi.mocked(fetch).mock.calls.filter(([, init]) => init?.method === 'PATCH')).toEqual([])
    expect(sent).toEqual([{ text: '喜欢青瓷，要发票' }])
    expect(wrapper.find('textarea').exists()).toBe(false)
    expect(useUnsaved().texts.size).toBe(0)
    wrapper.unmount()
  })

  it('takes the cursor from nobody who writes elsewhere', async () => {
    const elsewhere = document.body.appendChild(document.createElement('input'))
    const wrapper = await changing('喜欢青瓷，要发票')
    elsewhere.focus()
    notes = [[]]
    await heard()
    expect(wrapper.find('textarea').exists()).toBe(true)
    expect(document.activeElement).toBe(elsewhere)
    wrapper.unmount()
  })

  it('goes without a word where nothing was changed yet', async () => {
    const wrapper = await changing('喜欢青瓷')
    notes = [[]]
    await heard()
    expect(wrapper.find('textarea').exists()).toBe(false)
    expect(useUnsaved().texts.size).toBe(0)
    wrapper.unmount()
  })

  it('is sought no more once the agent has gone on while the next page was fetched', async () => {
    const pages = vi.mocked(fetch)
    const answer = (next: string | null) => new Response(JSON.stringify({ items: [{ ...NOTE, id: 'n9' }], next }))
    let arrive: (() => void) | null = null
    pages.mockImplementation(async (url) => {
      if (String(url).includes('after=')) await new Promise<void>((resolve) => { arrive = resolve })
      return answer('2')
    })
    useUnsaved().keep('c n1', '喜欢青瓷，要发票')
    const wrapper = await open()
    await vi.waitFor(() => { expect(arrive).not.toBeNull() })
    wrapper.unmount()
    const before = pages.mock.calls.length
    arrive!()
    await flushPromises()
    expect(pages.mock.calls.length).toBe(before)
  })

  it('is found again on the page it moved to, and is saved as the note it is', async () => {
    const wrapper = await changing('喜欢青瓷，要发票')
    notes = [[{ ...NOTE, id: 'n2' }], [NOTE]]
    await heard()
    expect(wrapper.text()).not.toContain('这条备注已被删除')
    expect(document.activeElement).toBe(wrapper.get('[data-note=n1] textarea').element)
    await wrapper.get('form').trigger('submit')
    expect(sent).toEqual([{ text: '喜欢青瓷，要发票', version: 1 }])
    release?.()
    await flushPromises()
    wrapper.unmount()
  })
})
