// @vitest-environment jsdom
import type { Conversation, CustomerShown, Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import CustomerName from '../side/CustomerName.vue'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'
import { ME, conversation } from './make'

interface Call { method: string; path: string; body: Record<string, unknown> }
let calls: Call[]
/** What the server holds, and what it answers the next change with instead of making it. */
let stored: CustomerShown
let refusal: { status: number; error: Record<string, unknown> } | null
let opened: Conversation

function answer(path: string, method: string, body: Record<string, unknown>): Response {
  if (method !== 'PATCH') return new Response(JSON.stringify(path.endsWith('/context') ? { customer: stored, visit: null, earlier: [] } : path.includes('/messages') ? { items: [], head: 0, more: false } : opened))
  if (refusal) return new Response(JSON.stringify({ error: { message: '', request_id: 'r', ...refusal.error } }), { status: refusal.status })
  if (body['version'] !== stored.version) return new Response(JSON.stringify({ error: { code: 'version_conflict', message: '', request_id: 'r' } }), { status: 409 })
  const name = body['name'] === null ? null : String(body['name']).trim()
  stored = { ...stored, name: name ?? '访客 2F81C', named: name !== null, version: stored.version + 1 }
  return new Response(JSON.stringify(stored))
}

async function open(points: string[] = ['customers.edit']) {
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points } as unknown as Me
  useDirectory().accept(opened)
  useDirectory().accept(conversation('old', { status: 'ended', customer: opened.customer }))
  const thread = useThread()
  await thread.open('a')
  await flushPromises()
  const wrapper = mount({
    components: { CustomerName },
    setup: () => ({ thread }),
    template: '<div><CustomerName v-if="thread.context" :customer="thread.context.customer" :name="thread.conversation.customer.name" /></div>',
  }, { attachTo: document.body })
  return { wrapper, thread }
}

beforeEach(() => {
  document.body.replaceChildren()
  calls = []
  refusal = null
  opened = conversation('a', { customer: { id: 'c', name: '访客 2F81C', vip: false } })
  stored = { id: 'c', name: '访客 2F81C', named: false, vip: false, tags: [], fields: {}, metadata: {}, same_contact_count: 0, notes_count: 0, blocked: null, version: 3, created_at: '2026-11-22T06:00:00Z', last_seen_at: '2026-11-22T06:00:00Z' }
  vi.stubGlobal('fetch', vi.fn((url: string, init?: RequestInit) => {
    const body: Record<string, unknown> = typeof init?.body === 'string' ? JSON.parse(init.body) : {}
    calls.push({ method: init?.method ?? 'GET', path: url, body })
    return Promise.resolve(answer(url.split('?')[0] ?? '', init?.method ?? 'GET', body))
  }))
})

const changes = (): Call[] => calls.filter((call) => call.method === 'PATCH')

describe('naming the customer', () => {
  it('Enter saves, and every conversation of the customer shows the name', async () => {
    const { wrapper, thread } = await open()
    await wrapper.get('[aria-label="改名"]').trigger('click')
    expect(wrapper.get('input').element.value).toBe('')
    expect(wrapper.get('input').attributes('placeholder')).toBe('访客 2F81C')
    await wrapper.get('input').setValue('陈若溪')
    await wrapper.get('input').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(changes()).toMatchObject([{ path: '/api/v1/conversations/a/customer', body: { name: '陈若溪', version: 3 } }])
    expect(wrapper.get('h2').text()).toBe('陈若溪')
    expect(useDirectory().known.get('old')?.customer.name).toBe('陈若溪')
    expect(thread.context?.customer.version).toBe(4)
    expect(document.activeElement).toBe(wrapper.get('[aria-label="改名"]').element)
  })

  it('saved empty, the name is taken away; where there is none, nothing is sent', async () => {
    stored = { ...stored, name: '陈若溪', named: true }
    opened = { ...opened, customer: { ...opened.customer, name: '陈若溪' } }
    const { wrapper } = await open()
    await wrapper.get('[aria-label="改名"]').trigger('click')
    await wrapper.get('input').setValue('  ')
    await wrapper.get('input').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(changes()).toMatchObject([{ body: { name: null, version: 3 } }])
    expect(wrapper.get('h2').text()).toBe('访客 2F81C')

    await wrapper.get('[aria-label="改名"]').trigger('click')
    await wrapper.get('input').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(changes()).toHaveLength(1)
    expect(wrapper.find('input').exists()).toBe(false)
  })

  it('Esc leaves the name as it was; an input method keeps its Enter', async () => {
    const { wrapper } = await open()
    await wrapper.get('[aria-label="改名"]').trigger('click')
    await wrapper.get('input').setValue('chen')
    await wrapper.get('input').trigger('keydown', { key: 'Enter', isComposing: true })
    expect(wrapper.find('input').exists()).toBe(true)
    await wrapper.get('input').trigger('keydown', { key: 'Escape' })
    expect(wrapper.get('h2').text()).toBe('访客 2F81C')
    expect(changes()).toEqual([])
  })

  it('says at the field what the server refuses', async () => {
    const { wrapper } = await open()
    refusal = { status: 422, error: { code: 'invalid_input', fields: [{ field: 'name', code: 'empty', message: '' }] } }
    await wrapper.get('[aria-label="改名"]').trigger('click')
    await wrapper.get('input').setValue('\u202e')
    await wrapper.get('form').trigger('submit')
    await flushPromises()
    expect(wrapper.get('[role="alert"]').text()).toBe('请填写')
    expect(wrapper.get('input').attributes('aria-invalid')).toBe('true')
  })

  it("does not overwrite another's name unseen: it is shown first, then saving again is a decision", async () => {
    const { wrapper, thread } = await open()
    await wrapper.get('[aria-label="改名"]').trigger('click')
    await wrapper.get('input').setValue('陈若溪')
    stored = { ...stored, name: '陈小姐', named: true, version: 4 }
    thread.followCustomer({ id: 'c', name: '陈小姐', vip: false })
    await flushPromises()
    await wrapper.get('form').trigger('submit')
    await flushPromises()
    expect(changes().map((call) => call.body['version'])).toEqual([3])
    expect(wrapper.get('[role="alert"]').text()).toContain('「陈小姐」')
    expect(wrapper.get('input').element.value).toBe('陈若溪')
    await wrapper.get('form').trigger('submit')
    await flushPromises()
    expect(changes().map((call) => call.body['version'])).toEqual([3, 4])
    expect(wrapper.get('h2').text()).toBe('陈若溪')
  })

  it('is offered only to who may', async () => {
    const { wrapper } = await open([])
    expect(wrapper.find('[aria-label="改名"]').exists()).toBe(false)
  })
})
