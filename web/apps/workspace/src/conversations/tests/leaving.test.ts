// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { RouterView, createMemoryHistory, createRouter } from 'vue-router'
import { live } from '../../live'
import { useSession } from '../../stores/session'
import ConversationsPage from '../ConversationsPage.vue'
import { useDirectory } from '../stores/directory'
import { ME, conversation } from './make'

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME, name: '沈知夏' }, enterprise: { name: '', timezone: 'UTC' }, points: ['conversations.serve', 'conversations.view_colleagues'] } as unknown as Me
  vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { media, matches: false }))
  vi.stubGlobal('fetch', (url: string) => (url.endsWith('/context') ? new Promise(() => undefined) : Promise.resolve(new Response(JSON.stringify({ items: [], next: null, head: 0, more: false })))))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

it('a colleague’s conversation is followed while it is open, and no longer once the page is left', async () => {
  const told: string[] = []
  vi.spyOn(live, 'subscribe').mockImplementation((topic, id) => { if (topic === 'conversation') told.push(`+${id}`) })
  vi.spyOn(live, 'unsubscribe').mockImplementation((topic, id) => { if (topic === 'conversation') told.push(`-${id}`) })
  for (const id of ['x', 'y']) useDirectory().accept(conversation(id, { assignee_id: 'agent-2' }))
  const Panel = defineComponent({ setup: (_props, { expose }) => { expose({ leaveLine: () => undefined }); return () => h('p') } })
  const Home = { render: () => h('p') }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/home', component: Home }, { path: '/conversations/:id?', name: 'conversations', component: ConversationsPage }] })
  await router.push('/conversations/x')
  const page = mount(RouterView, { global: { plugins: [router], stubs: { ListColumn: true, ConversationColumn: true, SidePanel: Panel } } })
  await flushPromises()
  await router.push('/conversations/y')
  await flushPromises()
  await router.push('/home')
  await flushPromises()
  expect(told).toEqual(['+x', '-x', '+y', '-y'])
  page.unmount()
})
