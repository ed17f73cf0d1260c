// @vitest-environment jsdom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useThread } from '../stores/thread'
import { conversation, message } from './make'

let asked: string[]
/** What the server says of who the customer is, as soon as the test lets it. */
let context: () => Promise<Response>

const known = (): Response => new Response(JSON.stringify({ customer: conversation('a').customer, visit: null, earlier: [] }))

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
  context = async () => Promise.resolve(known())
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    const { pathname } = new URL(url, 'http://localhost')
    asked.push(pathname.split('/').at(-1) ?? '')
    if (pathname.endsWith('/context')) return context()
    if (pathname.endsWith('/messages')) return new Response(JSON.stringify({ items: [message(1)], head: 1, more: false }))
    return new Response(JSON.stringify(conversation('a', { head: 1 })))
  }))
})
afterEach(() => vi.unstubAllGlobals())

const questions = (): number => asked.filter((one) => one === 'context').length

it('what came before waits for the question that is on its way', async () => {
  let release = (): void => undefined
  context = async () => new Promise((resolve) => { release = () => resolve(known()) })
  const thread = useThread()
  const opening = thread.open('a')
  await vi.waitUntil(() => thread.phase === 'ready' && questions() === 1)

  const earlier = thread.loadEarlier()
  release()
  await Promise.all([opening, earlier])

  expect([thread.earlierPhase, questions()]).toEqual(['done', 1])
})

it('where the customer is not told, what came before says so and is asked for again only when it shall', async () => {
  context = async () => Promise.resolve(new Response(JSON.stringify({ error: { code: 'internal', message: '' } }), { status: 500 }))
  const thread = useThread()
  await thread.open('a')
  await thread.loadEarlier()
  expect([thread.phase, thread.earlierPhase]).toEqual(['ready', 'failed'])
  const before = questions()

  context = async () => Promise.resolve(known())
  await thread.loadEarlier()

  expect([thread.earlierPhase, questions()]).toEqual(['done', before + 1])
})
