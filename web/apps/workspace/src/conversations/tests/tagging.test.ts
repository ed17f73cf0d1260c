// @vitest-environment jsdom
import type { CustomerShown, Me, TagRef } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import TagPicker from '../../ui/tags/TagPicker.vue'
import CustomerTags from '../side/CustomerTags.vue'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'
import ConversationTags from '../tags/ConversationTags.vue'
import { ME, conversation } from './make'

const tag = (id: string): TagRef => ({ id, name: id, color: 'blue' } as TagRef)
const a = conversation('a', { customer: { id: 'ca', name: '陈若溪', vip: false } })
const b = conversation('b', { customer: { id: 'cb', name: '沈砚', vip: false } })

/** What the server holds, the customer of each conversation and its tags; and the answers that are held back. */
let customers: Record<string, CustomerShown>
let hung: Record<string, string[]>
let held: (() => void)[]

function shown(id: string): CustomerShown {
  return { id, name: id, named: true, vip: false, tags: [], fields: {}, metadata: {}, same_contact_count: 0, notes_count: 0, blocked: null, version: 1, created_at: '2026-11-22T06:00:00Z', last_seen_at: '2026-11-22T06:00:00Z' } as unknown as CustomerShown
}

async function answer(url: string, init?: RequestInit): Promise<Response> {
  const [, , , kind, id = '', what] = (url.split('?')[0] ?? '').split('/')
  const body = typeof init?.body === 'string' ? JSON.parse(init.body) as { tag_ids: string[]; version: number } : null
  if (body) await new Promise<void>((resolve) => held.push(resolve))
  if (kind === 'customers') return new Response(JSON.stringify(customers[id]))
  if (what === 'tags' && body) {
    hung[id] = body.tag_ids
    return new Response(JSON.stringify({ ...(id === 'a' ? a : b), version: hung[id].length + 5, tags: body.tag_ids.map(tag) }))
  }
  if (what === 'messages') return new Response(JSON.stringify({ items: [], head: 0, more: false }))
  const of = id === 'a' ? 'ca' : 'cb'
  const before = customers[of] ?? shown(of)
  if (body && body.version !== before.version) return new Response(JSON.stringify({ error: { code: 'version_conflict', message: '', request_id: 'r' } }), { status: 409 })
  if (body) customers[of] = { ...before, tags: body.tag_ids.map(tag), version: before.version + 1 }
  return new Response(JSON.stringify(what === 'context' ? { customer: customers[of], visit: null, pages: [], earlier: [] } : customers[of]))
}

async function letGo(): Promise<void> {
  while (held.length > 0) {
    held.shift()?.()
    await flushPromises()
  }
}

const tagsOf = (id: string): string[] => (customers[id]?.tags ?? []).map((one) => one.id)

beforeEach(() => {
  document.body.replaceChildren()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: ['customers.edit', 'conversations.serve'] } as unknown as Me
  customers = { ca: shown('ca'), cb: shown('cb') }
  hung = {}
  held = []
  vi.stubGlobal('fetch', vi.fn(answer))
  useDirectory().accept(a)
  useDirectory().accept(b)
})

describe('tags that were chosen faster than they are stored', () => {
  it('go to the customer they were chosen for, who is not on the screen any more', async () => {
    const thread = useThread()
    await thread.open('a')
    await flushPromises()
    const wrapper = mount({ components: { CustomerTags }, setup: () => ({ thread }), template: '<div><CustomerTags v-if="thread.context" :key="thread.context.customer.id" :customer="thread.context.customer" /></div>' }, { global: { stubs: { TagPicker: true } } })
    await wrapper.get('.add').trigger('click')
    const picker = wrapper.getComponent(TagPicker)
    picker.vm.$emit('toggle', tag('vip'), true)
    picker.vm.$emit('toggle', tag('wholesale'), true)
    await flushPromises()

    await thread.open('b')
    await flushPromises()
    await letGo()

    expect(tagsOf('ca')).toEqual(['vip', 'wholesale'])
    expect(tagsOf('cb')).toEqual([])
    wrapper.unmount()
  })

  it('all hang on their conversation, which is not on the screen any more', async () => {
    const wrapper = mount(ConversationTags, { props: { conversation: a, phone: false }, global: { stubs: { TagPicker: true } } })
    await wrapper.get('.open').trigger('click')
    const picker = wrapper.getComponent(TagPicker)
    picker.vm.$emit('toggle', tag('refund'), true)
    picker.vm.$emit('toggle', tag('urgent'), true)
    await flushPromises()

    wrapper.unmount()
    await letGo()

    expect(hung).toEqual({ a: ['refund', 'urgent'] })
  })
})
