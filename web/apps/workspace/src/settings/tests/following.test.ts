// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import BlacklistPage from '../blacklist/BlacklistPage.vue'
import KeysPage from '../keys/KeysPage.vue'
import { openPage, refusal, serve, signIn, type Call, type Opened } from './page'

const reconnects = vi.hoisted(() => new Set<() => void>())
vi.mock('../../live', async (original) => ({
  ...(await original<object>()),
  onReconnect: (listener: () => void) => {
    reconnects.add(listener)
    return () => reconnects.delete(listener)
  },
}))

const EACH_PAGE = 2
let opened: Opened
let calls: Call[]
beforeEach(() => { reconnects.clear() })
afterEach(() => {
  opened.wrapper.unmount()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

const names = (): string[] => opened.wrapper.findAll('tbody .nm').map((one) => one.text())

describe('the blacklist', () => {
  let blocked: string[]
  let sameAddress: { same_address: boolean; version: number }

  beforeEach(async () => {
    blocked = ['甲', '乙', '丙']
    sameAddress = { same_address: false, version: 1 }
    calls = serve(({ path, query }) => {
      if (path === '/blacklist-rules') return sameAddress
      if (path !== '/blocked-customers') return refusal(403, 'not_allowed')
      const from = Number(query.get('after') ?? 0)
      const items = blocked.slice(from, from + EACH_PAGE).map((name) => (
        { customer: { id: name, name, vip: false }, conversation_id: null, by_id: 'b', by_name: '顾南乔', reason: '广告', at: '2026-11-22T06:00:00Z', expires_at: null }))
      return { items, next: from + EACH_PAGE < blocked.length ? String(from + EACH_PAGE) : null }
    })
    signIn(['customers.block', 'enterprise.edit'])
    opened = await openPage(BlacklistPage)
  })

  it.each([
    ['somebody comes back to the page', () => window.dispatchEvent(new Event('focus'))],
    ['the line is back', () => { for (const listener of [...reconnects]) listener() }],
  ])('shows what colleagues did to it when %s, as many pages as were open', async (_, happen) => {
    await opened.wrapper.get('.foot button').trigger('click')
    await flushPromises()
    expect(names()).toEqual(['甲', '乙', '丙'])

    blocked = ['丁', '甲', '乙', '丙']
    sameAddress = { same_address: true, version: 2 }
    happen()
    await flushPromises()
    expect(names()).toEqual(['丁', '甲', '乙', '丙'])
    expect(opened.wrapper.get<HTMLInputElement>('.rule input').element.checked).toBe(true)

    blocked = ['丙']
    happen()
    await flushPromises()
    expect([names(), opened.wrapper.find('.foot').exists()]).toEqual([['丙'], false])
  })

  it('keeps what is shown where it cannot be asked again', async () => {
    vi.mocked(fetch).mockImplementation(() => Promise.resolve(new Response('{}', { status: 404 })))
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    window.dispatchEvent(new Event('focus'))
    await flushPromises()
    expect([names(), opened.wrapper.find('[role=alert]').exists(), reported.mock.calls.length]).toEqual([['甲', '乙'], false, 2])
  })
})

describe('a key whose making nobody answered', () => {
  it('is told of as one that may be there, and the list is asked for again', async () => {
    let there: string[] = []
    const key = (name: string) => ({ id: name, name, prefix: 'qk_1', points: ['agents.view'], created_by: 'me', created_at: '2026-11-22T06:00:00Z', last_used_at: null, expires_at: null, revoked_at: null })
    calls = serve(({ method }) => {
      if (method !== 'POST') return { items: there.map(key), next: null }
      // given a server that makes the key, and a line that breaks before it has answered
      there = ['订单系统']
      throw new TypeError('network')
    })
    signIn(['api_keys.manage', 'tags.edit'])
    opened = await openPage(KeysPage)
    const { wrapper } = opened
    await wrapper.get('button.btn').trigger('click')
    await flushPromises()
    await wrapper.get('#api-key input[type=text]').setValue('订单系统')
    await wrapper.get('#api-key input[type=checkbox]').setValue(true)
    await wrapper.get('#api-key').trigger('submit')
    await flushPromises()

    expect(wrapper.findAll('#api-key > [role=alert]').map((one) => one.text())).toEqual(['没有收到答复。密钥可能已建好，但没人看到过它：请先看看列表，有就吊销，再另建一个。'])
    expect([names(), calls.filter((call) => call.method === 'POST').length]).toEqual([['订单系统'], 1])
  })
})
