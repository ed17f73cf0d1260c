// @vitest-environment jsdom
import { flushPromises, mount, RouterLinkStub } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import HistoryTab from '../side/HistoryTab.vue'
import { conversation } from './make'

const known = (count: number) => Array.from({ length: count }, (_, at) => conversation(`k${at}`))
let asked: string[]

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
  vi.stubGlobal('IntersectionObserver', class { observe() {} unobserve() {} disconnect() {} })
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    asked.push(`${pathname.split('/').at(-1) ?? ''} ${searchParams.get('after') ?? ''}`)
    const items = searchParams.get('after') === null ? known(21) : [conversation('first')]
    return new Response(JSON.stringify({ items, next: searchParams.get('after') === null ? 'c1' : null }))
  }))
})
afterEach(() => vi.unstubAllGlobals())

function shown(history: ReturnType<typeof known>) {
  return mount(HistoryTab, { props: { conversationId: 'a', history }, global: { stubs: { RouterLink: RouterLinkStub } } })
}

it('asks for nothing more where all earlier conversations are known', async () => {
  const page = shown(known(3))
  await flushPromises()

  expect([page.findAll('li').length, asked]).toEqual([3, []])
})

it('goes on to the very first conversation, and repeats none', async () => {
  const page = shown(known(20))
  await flushPromises()
  expect([page.findAll('li').length, asked]).toEqual([21, ['earlier ']])

  await page.get('button').trigger('click')
  await flushPromises()

  expect([page.findAll('li').length, asked]).toEqual([22, ['earlier ', 'earlier c1']])
  expect(page.find('button').exists()).toBe(false)
})
