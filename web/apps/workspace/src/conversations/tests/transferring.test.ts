// @vitest-environment jsdom
import type { Me, TransferTargets } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import { dismiss, toasts } from '../../ui/toasts'
import TransferDialog from '../transfer/TransferDialog.vue'
import { ME, conversation } from './make'

const TARGETS = {
  asks: false,
  groups: [],
  agents: [{ id: 'a3', name: '周予安', status: 'online', connected: true, open: 2, maximum: 8, group_ids: [] }],
} as TransferTargets

let answer: (response: Response) => void

beforeEach(() => {
  document.body.replaceChildren()
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = { agent: { id: ME }, points: ['conversations.transfer'] } as unknown as Me
  vi.stubGlobal('fetch', vi.fn((_url: string, init?: RequestInit) => {
    if (init?.method !== 'POST') return Promise.resolve(new Response(JSON.stringify(TARGETS)))
    return new Promise<Response>((resolve) => { answer = resolve })
  }))
})

async function underWay() {
  const closed = vi.fn()
  const wrapper = mount(TransferDialog, { props: { modelValue: true, conversation: conversation('a'), 'onUpdate:modelValue': closed }, attachTo: document.body })
  await vi.waitFor(() => expect(document.querySelector('.targets input')).not.toBeNull())
  document.querySelector<HTMLInputElement>('.targets input')?.click()
  await flushPromises()
  document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
  const [cancel, submit] = [...document.querySelectorAll<HTMLButtonElement>('footer button')]
  if (!cancel || !submit) throw new Error('the dialog has no buttons')
  return { wrapper, cancel, submit, closed }
}

describe('a transfer that is under way', () => {
  it('offers no way out that it cannot keep, and says what it does until the answer is here', async () => {
    const { wrapper, cancel, submit, closed } = await underWay()
    expect([cancel.disabled, submit.disabled, submit.textContent]).toEqual([true, true, '正在转接'])
    document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', bubbles: true }))
    await flushPromises()
    expect(closed).not.toHaveBeenCalled()

    answer(new Response(JSON.stringify({ error: { code: 'limit_reached', message: '' } }), { status: 409 }))
    await flushPromises()
    expect(cancel.disabled).toBe(false)
    expect(document.querySelector('[role="alert"]')?.textContent).toContain('周予安')
    expect(toasts.value).toEqual([])
    wrapper.unmount()
  })

  it('tells what went wrong where another conversation is open by then', async () => {
    const { wrapper } = await underWay()
    wrapper.unmount()
    answer(new Response(JSON.stringify({ error: { code: 'limit_reached', message: '' } }), { status: 409 }))
    await flushPromises()

    expect(toasts.value.map(({ kind, text }) => [kind, text.startsWith('「陈若溪」的对话没能转接')])).toEqual([['failed', true]])
  })
})
