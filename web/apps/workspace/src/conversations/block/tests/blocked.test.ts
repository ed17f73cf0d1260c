// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { useSession } from '../../../stores/session'
import { dismiss, toasts } from '../../../ui/toasts'
import { ME, conversation } from '../../tests/make'
import BlockDialog from '../BlockDialog.vue'

const Shown = defineComponent({ setup: (_props, { slots }) => () => h('div', [slots['default']?.(), slots['footer']?.()]) })

beforeEach(() => {
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  useSession().me = { agent: { id: ME }, enterprise: { timezone: 'UTC' }, points: [] } as unknown as Me
})
afterEach(() => { vi.unstubAllGlobals() })

it('a customer who was blocked is not told to be unblocked where what follows could not be fetched', async () => {
  const answer = vi.fn((_url: string, init?: RequestInit) => Promise.resolve(init?.method === 'POST' ? new Response('{}') : new Response('{}', { status: 409 })))
  vi.stubGlobal('fetch', answer)
  const dialog = mount(BlockDialog, { props: { conversation: conversation('a'), modelValue: true }, global: { stubs: { ElDialog: Shown } } })
  await dialog.get('textarea').setValue('辱骂')
  await dialog.get('form').trigger('submit')
  dialog.unmount()
  await flushPromises()
  expect(answer.mock.calls.map(([, init]) => init?.method ?? 'GET')).toEqual(['POST', 'GET'])
  expect(toasts.value.map((one) => one.kind)).toEqual(['done'])
})
