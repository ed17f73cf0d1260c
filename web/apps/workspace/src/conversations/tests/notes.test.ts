// @vitest-environment jsdom
import type { CustomerNote, Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import CustomerNotes from '../side/CustomerNotes.vue'
import { useUnsaved } from '../stores/unsaved'
import { ME } from './make'

const NOTE = { id: 'n1', text: '喜欢青瓷', mine: true, author_name: '顾南乔', version: 1, created_at: '2026-11-22T06:00:00Z', changed_at: null } as unknown as CustomerNote
let release: (() => void) | null
let sent: unknown[]

beforeEach(() => {
  document.body.replaceChildren()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: ['customers.edit'] } as unknown as Me
  release = null
  sent = []
  vi.stubGlobal('fetch', vi.fn(async (_url: string, init?: RequestInit) => {
    if (init?.method === 'POST' || init?.method === 'PATCH') {
      sent.push(JSON.parse(String(init.body)))
      await new Promise<void>((resolve) => { release = resolve })
      return new Response(JSON.stringify(NOTE))
    }
    return new Response(JSON.stringify({ items: [NOTE], next: null }))
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
