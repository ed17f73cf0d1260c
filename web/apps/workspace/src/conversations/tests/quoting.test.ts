// @vitest-environment jsdom
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { h } from 'vue'
import QuoteBlock from '../thread/QuoteBlock.vue'
import { useThread } from '../stores/thread'
import { message } from './make'

let fails: boolean
const reconnected = vi.hoisted(() => [] as (() => void)[])
vi.mock('../../live', async (original) => ({ ...await original<object>(), onReconnect: (listener: () => void) => { reconnected.push(listener) } }))

beforeEach(() => {
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  reconnected.length = 0
  fails = true
  vi.stubGlobal('fetch', () => Promise.resolve(fails ? new Response('{}', { status: 409 }) : new Response(JSON.stringify({ items: [message(3)], head: 9, more: false }))))
})
afterEach(() => { vi.unstubAllGlobals() })

/** The quote, drawn as the thread draws it. */
function drawn() {
  const thread = useThread()
  return mount(() => h(QuoteBlock, { quote: { message: thread.messageAt('a', 3), name: '陈若溪', again: thread.isQuoteFailed('a', 3) ? () => thread.askQuote('a', 3) : null } }))
}

it('an answered message that could not be fetched is told so, and asked for again by a press', async () => {
  const wrapper = drawn()
  expect(wrapper.find('.sk').exists()).toBe(true)
  await flushPromises()
  expect(wrapper.text()).toBe('原消息没有加载出来')

  fails = false
  await wrapper.get('button').trigger('click')
  await flushPromises()
  expect(wrapper.get('.said').text()).toBe('第 3 句')
})

it('an answered message that could not be fetched is asked for again with the next line', async () => {
  const wrapper = drawn()
  await flushPromises()
  fails = false
  for (const listener of reconnected) listener()
  await flushPromises()
  expect(wrapper.get('.said').text()).toBe('第 3 句')
})
