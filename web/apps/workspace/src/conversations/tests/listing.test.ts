// @vitest-environment jsdom
import type { Conversation, Me } from '@qiatan/api'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { useSession } from '../../stores/session'
import ListColumn from '../list/ListColumn.vue'
import { useList } from '../list/useList'
import { NO_FILTER } from '../model/filter'
import { useDirectory } from '../stores/directory'
import { useOutbox } from '../stores/outbox'
import { ME, conversation, unsent } from './make'

/** Pages of `mine`, each named by its place; what is asked beyond them fails. */
let pages: Conversation[][]
let ended: (at: number) => Response | Promise<Response>
let asked: string[]
let search: Map<string, (ids: string[]) => void>
let page: VueWrapper
let scope: EffectScope
let shared: ReturnType<typeof useList>

beforeEach(() => {
  localStorage.clear()
  localStorage.setItem('qiatan.locale', 'zh-CN')
  setActivePinia(createPinia())
  pages = [[conversation('a')]]
  ended = () => new Response(JSON.stringify({ items: [], next: null }))
  asked = []
  search = new Map()
  vi.stubGlobal('ResizeObserver', class { observe = vi.fn(); disconnect = vi.fn() })
  vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { media, matches: false }))
  vi.stubGlobal('fetch', (url: string) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    if (pathname.endsWith('/search')) {
      return new Promise<Response>((resolve) => {
        search.set(searchParams.get('q') ?? '', (ids) => resolve(new Response(JSON.stringify({
          items: ids.map((id) => ({ conversation: conversation(id), hits: [{ seq: 3, sender_kind: 'customer', snippet: '发货单', at: '2026-11-22T06:00:00Z' }] })), next: null,
        }))))
      })
    }
    if (searchParams.get('view') === 'ended') return Promise.resolve(ended(Number(searchParams.get('after') ?? 0)))
    if (searchParams.get('view') === 'mine') {
      const at = Number(searchParams.get('after') ?? 0)
      asked.push(String(at))
      return Promise.resolve(new Response(JSON.stringify({ items: pages[at] ?? [], next: at + 1 < pages.length ? String(at + 1) : null })))
    }
    return Promise.resolve(new Response(JSON.stringify({ items: [], next: null })))
  })
  useSession().me = { agent: { id: ME, name: '沈知夏' }, enterprise: { timezone: 'UTC' }, points: ['conversations.serve'] } as unknown as Me
})

afterEach(() => {
  page.unmount()
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function opened(): Promise<void> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/conversations/:id?', name: 'conversations', component: ListColumn }] })
  page = mount(ListColumn, { props: { currentId: null, phone: false, taking: new Set<string>() }, global: { plugins: [router] }, attachTo: document.body })
  scope = effectScope()
  shared = scope.run(useList) as typeof shared
  await useDirectory().load('mine')
  await flushPromises()
}

describe('a filtered list', () => {
  const UNREAD = { ...NO_FILTER, unread: true }

  it('goes on over pages that nothing passes', async () => {
    pages = [[conversation('a')], [conversation('b')], [conversation('c', { agent_unread: 1 })]]
    await opened()
    shared.filter.value = UNREAD
    await flushPromises()
    expect([asked, shared.ids.value]).toEqual([['0', '1', '2'], ['c']])
  })

  it('pauses where nothing passes it for long, and goes on when asked to', async () => {
    pages = Array.from({ length: 30 }, (_, at) => [conversation(`c${at}`)])
    await opened()
    shared.filter.value = UNREAD
    await flushPromises()
    expect(asked.length).toBe(11)

    await page.get('.again .lk').trigger('click')
    await flushPromises()
    expect(asked.length).toBe(21)
  })

  describe('below which stands what ended today', () => {
    const NONE = '没有符合筛选的对话'
    let places: number[]
    const endedPage = (at: number): Response => new Response(JSON.stringify({
      items: [conversation(`e${at}`, { status: 'ended', ended_at: new Date().toISOString(), agent_unread: at === 36 ? 1 : 0 })], next: at < 37 ? String(at + 1) : null,
    }))

    beforeEach(async () => {
      places = []
      ended = (at) => {
        places.push(at)
        return endedPage(at)
      }
      await opened()
      await useDirectory().load('ended')
      await flushPromises()
    })

    it('goes on over pages of that too, pauses as with the open ones, and goes on when asked to', async () => {
      // given as many of them as fill the column; one more page is asked for as they make room
      places = []
      shared.filter.value = UNREAD
      await flushPromises()
      expect([places.length, page.get('.again').text()]).toEqual([11, expect.stringContaining('继续找')])

      await page.get('.again .lk').trigger('click')
      await flushPromises()
      expect(places.length).toBe(21)

      await page.get('.again .lk').trigger('click')
      await flushPromises()
      expect([places.at(-1), shared.ids.value, page.find('.again').exists()]).toEqual([37, ['e36'], false])
    })

    it('says that nothing passes once it has looked, and not while a page is on its way', async () => {
      let give = (_: Response): void => undefined
      ended = () => new Promise<Response>((resolve) => { give = resolve })
      shared.filter.value = UNREAD
      await flushPromises()
      expect([page.text().includes(NONE), page.find('[aria-busy=true]').exists(), page.find('.again').exists()]).toEqual([false, true, false])

      give(new Response(JSON.stringify({ items: [], next: null })))
      await flushPromises()
      expect(page.text()).toContain(NONE)
    })

    it('tells of a page of that which did not come, and asks for it again by a press', async () => {
      ended = () => new Response('{}', { status: 409 })
      shared.filter.value = UNREAD
      await flushPromises()
      expect(page.findAll('.again').map((one) => one.text())).toEqual([expect.stringContaining('更多的没有加载出来')])

      ended = () => new Response(JSON.stringify({ items: [], next: null }))
      await page.get('.again .lk').trigger('click')
      await flushPromises()
      expect(page.find('.again').exists()).toBe(false)
    })
  })
})

describe('Enter in the search', () => {
  async function typed(words: string): Promise<void> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await page.get('input').setValue(words)
    await vi.advanceTimersByTimeAsync(300)
    vi.useRealTimers()
  }

  async function found(words: string, ...ids: string[]): Promise<void> {
    search.get(words)?.(ids)
    await flushPromises()
  }

  beforeEach(async () => {
    await opened()
    await typed('发货')
    await found('发货', 'before')
    await typed('发货单')
  })

  it('waits for what these words find, and opens nothing that was found for the words before', async () => {
    await page.get('input').trigger('keydown', { key: 'Enter' })
    expect(page.emitted('open')).toBeUndefined()
    await found('发货单', 'now')
    expect(page.emitted('open')).toEqual([['now']])
  })

  it('opens nothing where whoever pressed it has gone elsewhere since', async () => {
    await page.get('input').trigger('keydown', { key: 'Enter' })
    await page.setProps({ currentId: 'elsewhere' })
    await found('发货单', 'now')
    expect(page.emitted('open')).toBeUndefined()
  })
})

it('what ended today and could not be loaded is told, and asked for again by a press', async () => {
  ended = () => new Response('{}', { status: 409 })
  await opened()
  await useDirectory().load('ended')
  await flushPromises()
  expect(page.get('.again').text()).toContain('今天结束的没有加载出来')

  ended = () => new Response(JSON.stringify({ items: [], next: null }))
  await page.get('.again .lk').trigger('click')
  await flushPromises()
  expect(page.find('.again').exists()).toBe(false)
})

it('a further page that did not come is told no more once the list is here whole', async () => {
  await opened()
  const { mine } = useDirectory().lists
  Object.assign(mine, { more: 'failed', next: '1' })
  await flushPromises()
  expect(page.get('.again').text()).toContain('更多的没有加载出来')

  await useDirectory().load('mine')
  await flushPromises()
  expect([mine.next, page.find('.again').exists()]).toEqual([null, false])
})

it('a conversation that holds what was not sent is marked', async () => {
  await opened()
  expect(page.find('.unsent').exists()).toBe(false)
  useOutbox().entries = [unsent('m', { conversation_id: 'a', state: 'failed' })]
  await flushPromises()
  expect(page.get('.unsent').text()).toBe('未发出')
})
