// @vitest-environment jsdom
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import { useThread } from '../stores/thread'
import { conversation, message } from './make'

/** How often each question for a context was asked, and the answers that are held back. */
let asked: string[]
let held: (() => void)[]
let holds: boolean

let isBroken: boolean

function told(id: string): Response {
  if (isBroken) return new Response(JSON.stringify({ error: { code: 'internal', message: 'Something failed.' } }), { status: 500 })
  return new Response(JSON.stringify({ customer: { ...conversation(id).customer, version: 1 }, visit: null, earlier: [] }))
}

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
  held = []
  holds = false
  isBroken = false
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    const [, id = '', what = ''] = /conversations\/([^/?]+)\/?([a-z]*)/.exec(url) ?? []
    if (what === 'messages') return new Response(JSON.stringify({ items: [message(1, { conversation_id: id })], head: 1, more: false }))
    if (what !== 'context') return new Response(JSON.stringify(conversation(id, { head: 1 })))
    asked.push(id)
    if (holds) await new Promise<void>((resolve) => { held.push(resolve) })
    return told(id)
  }))
})
afterEach(() => vi.unstubAllGlobals())

it('who the customer is stands there at once when one comes back, and is asked for all the same', async () => {
  const thread = useThread()
  await thread.open('a')
  await thread.open('b')
  holds = true

  const opening = thread.open('a')
  expect(thread.context).toBeNull()
  await vi.waitUntil(() => held.length === 1)

  expect([thread.context?.customer.id, asked]).toEqual(['customer-a', ['a', 'b', 'a']])
  held.forEach((release) => release())
  await opening
})

it('what another agent knew at this page is not shown to the next one', async () => {
  const thread = useThread()
  const session = useSession()
  await thread.open('a')
  await thread.open(null)
  session.$patch({ me: { agent: { id: 'agent-2' } } as unknown as NonNullable<typeof session.me> })
  holds = true

  const opening = thread.open('a')
  await vi.waitUntil(() => held.length === 1)

  expect(thread.context).toBeNull()
  held.forEach((release) => release())
  await opening
})

it('what is known of a customer stays where it could not be asked for again', async () => {
  const thread = useThread()
  await thread.open('a')
  isBroken = true

  await thread.loadContext()

  expect([thread.context?.customer.id, thread.contextError]).toEqual(['customer-a', null])
})

it('where nothing is known, it is told that it could not be asked for', async () => {
  const thread = useThread()
  isBroken = true

  await thread.open('a')

  expect([thread.context, thread.contextError?.status]).toEqual([null, 500])
})

it('an answer that was on its way while the customer was changed does not take the change back', async () => {
  const thread = useThread()
  await thread.open('a')
  holds = true
  const asking = thread.loadContext()
  await vi.waitUntil(() => held.length === 1)
  const shown = thread.context
  if (!shown) throw new Error('nothing is shown')
  thread.context = { ...shown, customer: { ...shown.customer, name: '山间', version: 2 } }

  held.forEach((release) => release())
  await asking

  expect(thread.context.customer).toMatchObject({ name: '山间', version: 2 })
})
