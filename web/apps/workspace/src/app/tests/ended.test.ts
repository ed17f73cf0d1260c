// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Component } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import App from '../../App.vue'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import AppShell from '../AppShell.vue'

const page: Component = { render: () => '列表' }
let app: VueWrapper
let router: Router
/** The file of the sign-in page. */
let signIn: () => Promise<Component>

beforeEach(async () => {
  localStorage.setItem('qiatan.locale', 'zh-CN')
  const pinia = createPinia()
  setActivePinia(pinia)
  for (const { id } of toasts.value) dismiss(id)
  vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { media, matches: false }))
  vi.stubGlobal('fetch', () => new Promise(() => undefined))
  useSession().me = {
    agent: { id: 'me', name: '沈知夏', version: 1, role: { id: 'r' }, locale: 'zh-CN' }, enterprise: { id: 'e', timezone: 'UTC', version: 1 }, points: [], viewer: null, must_enrol: false,
  } as unknown as Me
  signIn = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'))
  router = createRouter({ history: createMemoryHistory(), routes: [
    { path: '/', component: AppShell, children: [
      { path: 'conversations', name: 'conversations', component: page },
      { path: 'settings', component: () => Promise.reject(new TypeError('Failed to fetch dynamically imported module')) },
    ] },
    { path: '/sign-in', name: 'sign-in', component: () => signIn(), meta: { open: true } },
  ] })
  await router.push('/conversations')
  app = mount(App, { attachTo: document.body, global: { plugins: [router, pinia], stubs: { AppRail: true, ConnectionBar: true, ViewBanner: true } } })
  await flushPromises()
})
afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
})

const told = (): string[] => toasts.value.map((one) => one.text)

it('a session that ends leads to the sign-in page', async () => {
  signIn = () => Promise.resolve({ render: () => '登录' })
  expect(app.get('main').text()).toBe('列表')
  useSession().forget()
  await flushPromises()
  expect([router.currentRoute.value.path, app.text(), told()]).toEqual(['/sign-in', '登录', []])
})

it('a session that ends where the sign-in page cannot be fetched leaves no empty window: it says so, and can be loaded anew', async () => {
  useSession().forget()
  await flushPromises()
  expect([app.find('.shell').exists(), app.find('.broken').exists(), app.get('.broken button').text(), told()]).toEqual([false, true, '重新载入', []])
})

it('whoever is signed in keeps the page that is shown where another cannot be fetched, and is offered to load it anew', async () => {
  await router.push('/settings').catch(() => undefined)
  await flushPromises()
  expect([app.get('main').text(), app.find('.broken').exists()]).toEqual(['列表', false])
  expect(toasts.value.map((one) => one.action?.text)).toEqual(['重新载入'])
})
