import type { Me, Point } from '@qiatan/api'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { vi } from 'vitest'
import { defineComponent, h, type Component } from 'vue'
import { createMemoryHistory, createRouter, RouterView, type Router } from 'vue-router'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'

export interface Call { method: string; path: string; query: URLSearchParams; body: Record<string, unknown> }

/** Puts answers in the server's place: what is thrown is a broken line. Tells which calls came. */
export function serve(answer: (call: Call) => unknown): Call[] {
  const calls: Call[] = []
  vi.stubGlobal('fetch', vi.fn(async (url: string, init?: RequestInit) => {
    const [path = '', query = ''] = url.replace('/api/v1', '').split('?')
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) as Record<string, unknown> : {}
    const call = { method: init?.method ?? 'GET', path, query: new URLSearchParams(query), body }
    calls.push(call)
    const said = await answer(call)
    return said instanceof Response ? said : new Response(JSON.stringify(said))
  }))
  return calls
}

export function refusal(status: number, code: string, fields: { field: string; code: string }[] = [], headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ error: { code, message: '', request_id: 'r', fields: fields.map((one) => ({ message: '', ...one })) } }), { status, headers })
}

/** An administrator's session with these points, and nothing left of what was told before. */
export function signIn(points: Point[]): void {
  // What a page shows before the sign-in is in the browser's language, unless another one was chosen.
  window.localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = {
    agent: { id: 'me', email: 'me@example.com', version: 1, role: { id: 'r0', name: '', builtin: 'admin' }, scope: { kind: 'all', group_ids: [] } },
    enterprise: { id: 'e', name: '', timezone: 'Asia/Shanghai', version: 1 },
    points,
    viewer: null,
    must_enrol: false,
  } as unknown as Me
}

export interface Opened { wrapper: VueWrapper; router: Router }

/** Opens a page under an address; `/elsewhere` is another page. */
export async function openPage(page: Component, options: { path?: string; at?: string; stubs?: Record<string, boolean> } = {}): Promise<Opened> {
  const nothing = defineComponent({ render: () => null })
  const router = createRouter({ history: createMemoryHistory(), routes: [
    { path: options.path ?? '/', component: page },
    { path: '/sign-in', name: 'sign-in', component: nothing },
    { path: '/:rest(.*)*', name: 'forgot', component: nothing },
  ] })
  await router.push(options.at ?? '/')
  const wrapper = mount(() => h(RouterView), { attachTo: document.body, global: { plugins: [router], stubs: options.stubs ?? {} } })
  await flushPromises()
  return { wrapper, router }
}

export const told = (): string[] => toasts.value.map((toast) => toast.text)
