// @vitest-environment jsdom
import type { Me, ReplyGroup } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { useReplies } from '../../../replies/store'
import { useSession } from '../../../stores/session'
import EntryPane from '../EntryPane.vue'
import RepliesPage from '../RepliesPage.vue'

const DELIVERY = { id: 'g1', owner: 'enterprise', name: '发货', position: 1, version: 1 } as ReplyGroup

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: 'me' }, points: ['replies.use', 'replies.edit'] } as unknown as Me
  vi.stubGlobal('fetch', vi.fn(() => new Promise(() => undefined)))
  Object.assign(useReplies(), { groups: [DELIVERY], entries: [], loaded: true })
})

async function page() {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/settings/replies/:place?', component: RepliesPage }] })
  await router.push('/settings/replies/g1')
  return mount(RepliesPage, { global: { plugins: [router], stubs: { EntryPane: true, GroupList: true } } })
}

describe('a group that a colleague deletes', () => {
  it('stays on the screen with what is being written in it, and goes afterwards', async () => {
    const wrapper = await page()
    const pane = wrapper.getComponent(EntryPane)
    const written = pane.element
    pane.vm.$emit('writing', true)
    await flushPromises()

    useReplies().groups = []
    await flushPromises()
    expect([wrapper.getComponent(EntryPane).element === written, pane.props('place').key]).toEqual([true, 'g1'])

    pane.vm.$emit('writing', false)
    await flushPromises()
    expect(wrapper.getComponent(EntryPane).props('place').key).toBe('enterprise')
  })

  it('gives way at once to all of them while nobody writes', async () => {
    const wrapper = await page()

    useReplies().groups = []
    await flushPromises()

    expect(wrapper.getComponent(EntryPane).props('place').key).toBe('enterprise')
  })
})
