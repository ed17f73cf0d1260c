// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import { useDirectory } from '../stores/directory'
import { useTaking } from '../transfer/useTaking'
import { ME, conversation } from './make'

const page = defineComponent({ render: () => null })
let router: Router
let answers: Map<string, () => void>
let shown: string[]
let asked: string[]

beforeEach(async () => {
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = { agent: { id: ME }, points: ['conversations.take'] } as unknown as Me
  answers = new Map()
  shown = []
  asked = []
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    const id = /conversations\/(\w+)\/take/.exec(url)?.[1]
    if (id === undefined) return Promise.resolve(new Response(JSON.stringify({ items: [], next: null })))
    asked.push(id)
    return new Promise<Response>((resolve) => { answers.set(id, () => { resolve(new Response(JSON.stringify(conversation(id)))) }) })
  }))
  router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/conversations/:id?', name: 'conversations', component: page }] })
  await router.push('/conversations/a')
})

function taker(): ReturnType<typeof useTaking> {
  let found: ReturnType<typeof useTaking> | undefined
  mount({ setup: () => { found = useTaking((id) => shown.push(id), () => undefined) }, render: () => null }, { global: { plugins: [router] } })
  if (!found) throw new Error('nothing was set up')
  return found
}

const waiting = (id: string) => conversation(id, { status: 'waiting', assignee_id: null })

describe('a conversation that is slow to be taken', () => {
  it('opens where the agent has waited for it', async () => {
    void taker().take(waiting('b'))
    answers.get('b')?.()
    await flushPromises()
    expect([shown, toasts.value]).toEqual([['b'], []])
  })

  it('does not tear the agent away from where they are by then, and says that it is theirs', async () => {
    void taker().take(waiting('b'))
    await router.push('/conversations/c')
    answers.get('b')?.()
    await flushPromises()
    expect(shown).toEqual([])
    expect(useDirectory().known.get('b')?.assignee_id).toBe(ME)

    expect(toasts.value.map(({ text }) => text)).toEqual(['「陈若溪」由你接待了'])
    toasts.value[0]?.action?.run()
    await flushPromises()
    expect(router.currentRoute.value.path).toBe('/conversations/b')
  })

  it('holds up no other one, and is asked for once', () => {
    const { busy, take } = taker()
    void take(waiting('b'))
    void take(waiting('b'))
    void take(waiting('c'))
    expect([...busy]).toEqual(['b', 'c'])
    expect(asked).toEqual(['b', 'c'])
  })
})
