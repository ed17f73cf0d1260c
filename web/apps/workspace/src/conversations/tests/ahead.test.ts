// @vitest-environment jsdom
import type { Conversation } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, shallowRef, type EffectScope } from 'vue'
import { useAhead } from '../list/useAhead'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'
import { conversation, message } from './make'

const line = await vi.hoisted(async () => ({ state: (await import('vue')).ref('open') }))
const sent = vi.hoisted(() => [] as unknown[])
vi.mock('../../live', async (original) => {
  const real = await original<{ live: object }>()
  return { ...real, live: { ...real.live, state: line.state, send: (frame: unknown) => sent.push(frame) > 0 } }
})
// What is idle is told by the test.
const idle = vi.hoisted(() => ({ work: [] as (() => void)[] }))
vi.mock('../../ui/painted', async (original) => ({
  ...await original<object>(),
  painted: () => Promise.resolve(),
  whenIdle: (work: () => void) => {
    idle.work.push(work)
    return () => { idle.work = idle.work.filter((one) => one !== work) }
  },
}))

let asked: string[]
let waiting: (() => void)[]
let held: boolean
let scope: EffectScope
const ids = shallowRef<string[]>([])
const first = shallowRef<string[]>([])

function answer(url: string): Response {
  const id = new URL(url, 'http://localhost').pathname.split('/')[4] ?? ''
  if (url.endsWith('/context')) return new Response(JSON.stringify({ customer: conversation(id).customer, visit: null, earlier: [] }))
  return new Response(JSON.stringify({ items: [message(1, { conversation_id: id })], head: 1, more: false }))
}

/** All that is idle is done, and what follows from it, until nothing more is wanted. */
async function rest(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await new Promise((resolve) => setTimeout(resolve))
    const now = idle.work.splice(0)
    if (now.length > 0) quiet = 0
    for (const work of now) work()
  }
}

const fetched = (): string[] => asked.filter((url) => url.includes('/messages')).map((url) => new URL(url, 'http://localhost').pathname.split('/')[4] ?? '')

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
  waiting = []
  sent.length = 0
  held = false
  idle.work = []
  line.state.value = 'open'
  first.value = []
  ids.value = Array.from({ length: 30 }, (_, index) => `c${String(index).padStart(2, '0')}`)
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    asked.push(url)
    if (held) await new Promise<void>((resolve) => { waiting.push(resolve) })
    return answer(url)
  }))
  const directory = useDirectory()
  for (const id of ids.value) directory.known.set(id, conversation(id, { head: 1, agent_unread: 1 }))
  scope = effectScope(true)
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const follow = () => scope.run(() => useAhead(ids, first)) as ReturnType<typeof useAhead>

it('the neighbours of what is open are fetched while nothing else is to be done, and are there at once when they are opened', async () => {
  const thread = useThread()
  await thread.open('c10')
  follow()
  await nextTick()
  expect(fetched()).toEqual(['c10'])
  await rest()
  expect(fetched()).toEqual(['c10', 'c11', 'c09'])
  void thread.open('c11')
  expect([thread.phase, thread.messages.length]).toEqual(['ready', 1])
  await rest()
  expect(fetched()).toEqual(['c10', 'c11', 'c09', 'c12'])
})

it('nothing is marked as read by it', async () => {
  await useThread().open('c10')
  follow()
  await rest()
  const neighbour = useDirectory().known.get('c11') as Conversation
  expect([neighbour.agent_unread, neighbour.agent_read_seq, sent]).toEqual([1, 0, []])
})

it('one is asked for after the other', async () => {
  await useThread().open('c10')
  held = true
  follow()
  await rest()
  expect(fetched()).toEqual(['c10', 'c11'])
  waiting.forEach((go) => go())
  await rest()
  expect(fetched()).toEqual(['c10', 'c11', 'c09'])
})

it('a row is fetched once the pointer rests on it, and not where it passes', async () => {
  vi.useFakeTimers()
  const { rest: come, pass } = follow()
  come('c20')
  await vi.advanceTimersByTimeAsync(79)
  pass()
  come('c21')
  await vi.advanceTimersByTimeAsync(80)
  vi.useRealTimers()
  await rest()
  expect(fetched()).not.toContain('c20')
  expect(fetched()[0]).toBe('c21')
})

it('nothing is asked for without a line, and what was wanted comes with it', async () => {
  await useThread().open('c10')
  line.state.value = 'lost'
  follow()
  await rest()
  expect(fetched()).toEqual(['c10'])
  line.state.value = 'open'
  await rest()
  expect(fetched()).toEqual(['c10', 'c11', 'c09'])
})

it('nothing is asked for by a page that nobody sees', async () => {
  const seen = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  await useThread().open('c10')
  follow()
  await rest()
  expect(fetched()).toEqual(['c10'])
  seen.mockReturnValue('visible')
  document.dispatchEvent(new Event('visibilitychange'))
  await nextTick()
  await rest()
  expect(fetched()).toEqual(['c10', 'c11', 'c09'])
})

it('after the neighbours come those that stand first in the list, once each', async () => {
  await useThread().open('c01')
  first.value = ['c00', 'c01', 'c02', 'c03']
  follow()
  await rest()
  expect(fetched()).toEqual(['c01', 'c02', 'c00', 'c03'])
  first.value = ['c29', 'c00', 'c01', 'c02']
  await rest()
  expect(fetched()).toEqual(['c01', 'c02', 'c00', 'c03', 'c29'])
})

it('a row that is pressed is asked for in the same task, and not again by the click that follows', async () => {
  const thread = useThread()
  held = true
  follow().press('c20')
  expect(fetched()).toEqual(['c20'])
  void thread.open('c20')
  expect(thread.phase).toBe('loading')
  waiting.forEach((go) => go())
  await rest()
  expect([thread.phase, thread.messages.length, fetched().filter((id) => id === 'c20')]).toEqual(['ready', 1, ['c20']])
})

it('the messages of a conversation that is known are asked for in the task that opens it', () => {
  void useThread().open('c07')
  expect(fetched()).toEqual(['c07'])
})

it('sixteen are kept that were not opened, and take no place from those that were', async () => {
  const thread = useThread()
  for (const id of ids.value.slice(0, 5)) await thread.open(id)
  for (const id of ids.value.slice(8, 28)) await thread.prefetch(id)
  asked = []
  for (const id of [...ids.value.slice(0, 5), ...ids.value.slice(12, 28)]) {
    const opening = thread.open(id)
    expect([id, thread.phase]).toEqual([id, 'ready'])
    await opening
  }
  expect(fetched()).toEqual([])
  await thread.open('c11')
  expect(fetched()).toEqual(['c11'])
})

it('what could not be fetched is asked for when it is opened', async () => {
  const thread = useThread()
  const answering = fetch
  vi.stubGlobal('fetch', async () => Promise.resolve(new Response('{}', { status: 409 })))
  await thread.prefetch('c05')
  vi.stubGlobal('fetch', answering)
  await thread.open('c05')
  expect([thread.phase, fetched()]).toEqual(['ready', ['c05']])
})
