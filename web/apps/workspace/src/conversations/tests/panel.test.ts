// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { useReplies } from '../../replies/store'
import { reply } from '../../replies/tests/make'
import { useReview } from '../../replies/useSending'
import { useSession } from '../../stores/session'
import ConversationsPage from '../ConversationsPage.vue'
import { useDirectory } from '../stores/directory'
import { useField } from '../stores/field'
import { useOutbox } from '../stores/outbox'
import { ME, conversation } from './make'

const PHONE = 390
const TABLET = 1000
const PLAIN = reply('发货', { text: '当天发出' })
const RICH = reply('换新', { kind: 'rich', text: '三步' })
const WHOLE = { id: RICH.id, version: 1, text: '三步', document: { blocks: [{ kind: 'paragraph', spans: [{ text: '三步', bold: true }] }] } }

let router: Router
let page: VueWrapper
/** What was put into the input, and whether the conversation could be seen then. */
let put: [string, boolean][]

beforeEach(async () => {
  localStorage.clear()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME, name: '沈知夏' }, enterprise: { name: '', timezone: 'UTC' }, points: ['conversations.serve', 'replies.use'] } as unknown as Me
  vi.stubGlobal('fetch', vi.fn((url: string) => {
    // What is told of the customer does not come: the replies wait for none of it.
    if (url.endsWith('/context')) return new Promise(() => undefined)
    return Promise.resolve(new Response(JSON.stringify(url.endsWith(`/replies/${RICH.id}`) ? WHOLE : { items: [], next: null })))
  }))
  useOutbox().open(ME, () => undefined)
  useDirectory().accept(conversation('a'))
  Object.assign(useReplies(), { entries: [PLAIN, RICH], loaded: true })
  put = []
  useField().put = (_of, text) => {
    put.push([text, isConversationShown()])
    return true
  }
  router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/conversations/:id?', name: 'conversations', component: ConversationsPage }] })
  await import('../../replies/RepliesTab.vue')
})

afterEach(() => {
  page.unmount()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

async function opened(width: number): Promise<void> {
  vi.stubGlobal('matchMedia', (media: string) => {
    const most = /max-width: (\d+)px/.exec(media)?.[1]
    return Object.assign(new EventTarget(), { media, matches: most !== undefined && width <= Number(most) })
  })
  await router.push('/conversations/a?panel=card')
  page = mount(ConversationsPage, { global: { plugins: [router], stubs: { ListColumn: true, ConversationColumn: true } }, attachTo: document.body })
  await flushPromises()
}

async function openReplies(width: number): Promise<void> {
  await opened(width)
  await page.get('#side-replies').trigger('click')
  await flushPromises()
}

const isConversationShown = (): boolean => page.getComponent({ name: 'ConversationColumn' }).element.parentElement?.style.display !== 'none'
const isPanelAsked = (): boolean => router.currentRoute.value.query['panel'] === 'card'

/** The way back and what is read from an answer take as many turns of the loop as they take. */
async function until(holds: () => boolean): Promise<void> {
  await vi.waitUntil(holds, { timeout: 20_000, interval: 5 })
  await flushPromises()
}

async function tap(title: string): Promise<void> {
  await page.findAll('[role="option"]').find((one) => one.text().includes(title))?.trigger('click')
  await flushPromises()
}

async function press(key: string, on: EventTarget): Promise<void> {
  on.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
  await flushPromises()
}

describe('on a phone, where the quick replies cover the conversation', () => {
  it('a tap on a plain one leads back to the conversation and puts it into the input there, once', async () => {
    await openReplies(PHONE)
    expect(isConversationShown()).toBe(false)

    await tap('发货')
    await until(() => put.length > 0)

    expect([put, isPanelAsked(), page.find('#side-replies').exists()]).toEqual([[['当天发出', true]], false, false])
  })

  it('a tap on one with styles leads to its preview over the conversation', async () => {
    await openReplies(PHONE)

    await tap('换新')
    await until(() => useReview().shown !== null)

    expect([useReview().shown?.reply.id, isConversationShown(), isPanelAsked(), put]).toEqual([RICH.id, true, false, []])
  })

  it('whoever goes back before the conversation is there gets no preview over the next one', async () => {
    await openReplies(PHONE)
    const tapped = tap('换新')
    await router.push('/conversations')
    await tapped
    await flushPromises()

    expect([router.currentRoute.value.fullPath, useReview().shown, put]).toEqual(['/conversations', null, []])
  })

  it('Enter in the search field uses what is found in the same way', async () => {
    await openReplies(PHONE)
    await page.get('input[type="search"]').setValue('发货')

    await press('Enter', page.get('input[type="search"]').element)
    await until(() => put.length > 0)

    expect([put, isPanelAsked()]).toEqual([[['当天发出', true]], false])
  })

  it('a tap only chooses in a conversation that a colleague serves', async () => {
    useDirectory().accept(conversation('a', { assignee_id: 'agent-2', version: 2 }))
    await openReplies(PHONE)

    await tap('发货')

    expect([put, isPanelAsked()]).toEqual([[], true])
    expect(page.get('[aria-selected="true"][role="option"]').text()).toContain('发货')
  })
})

describe('beside the conversation', () => {
  it('a click chooses, and a button then sends what is chosen', async () => {
    await openReplies(TABLET)
    expect(page.find('.ft .go').exists()).toBe(false)
    await tap('发货')
    expect(useOutbox().entries).toEqual([])

    await page.get('.ft .go').trigger('click')
    await flushPromises()

    expect([useOutbox().entries.map((one) => one.text), put, isPanelAsked()]).toEqual([['当天发出'], [], true])
    expect(page.find('.ft .go').exists(), 'a second tap of the same finger finds no button').toBe(false)
  })

  it('Esc closes the drawer, and not while a dialog takes the key', async () => {
    await opened(TABLET)
    const dialog = document.createElement('div')
    let isDrawn = true
    Object.assign(dialog, { checkVisibility: () => isDrawn })
    dialog.setAttribute('role', 'dialog')
    dialog.setAttribute('aria-modal', 'true')
    document.body.append(dialog)

    await press('Escape', document.body)
    expect(isPanelAsked()).toBe(true)

    isDrawn = false
    await press('Escape', document.body)
    expect(isPanelAsked()).toBe(false)
  })
})
