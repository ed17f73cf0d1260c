// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { usePeople } from '../../stores/people'
import { asked } from '../../ui/confirm'
import PeoplePage from '../people/PeoplePage.vue'
import { openPage, refusal, serve, signIn, told, type Call, type Opened } from './page'

const EMAIL = 'lin@example.com'
const account = (id: string, over: object = {}) => ({
  id, email: `${id}@example.com`, name: id, public_name: '', staff_number: '', avatar_url: null, enabled: true, pending: false, two_factor: false, version: 1,
  role: { id: 'r0', name: '', builtin: 'admin' }, scope: { kind: 'all', group_ids: [] }, visitor_regions: { mode: 'all', regions: [] }, max_conversations: 10, group_ids: [], last_seen_at: null,
  ...over,
})
const INVITED = account('lin', { email: EMAIL, name: '', pending: true })

let opened: Opened
let calls: Call[]
let answer: (said: unknown) => void

beforeEach(async () => {
  vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { media, matches: false }))
  calls = serve(({ method, path }) => {
    if (method === 'DELETE') return new Promise((resolve) => { answer = resolve })
    // given a server that cannot be asked for one account
    if (path === '/agents/lin') throw new TypeError('network')
    if (path === '/agents') return { items: [account('me'), INVITED], next: null }
    if (path === '/roles') return { items: [{ id: 'r0', name: '', builtin: 'admin', points: [], members: 2, version: 1 }], next: null }
    return path === '/permissions' ? { groups: [] } : { items: [], next: null }
  })
  signIn(['agents.view', 'agents.create', 'agents.edit'])
  opened = await openPage(PeoplePage, { path: '/settings/agents/:id?', at: '/settings/agents/lin', stubs: { SightAside: true, RegionsField: true } })
  await opened.wrapper.findAll('button').find((one) => one.text() === '撤回邀请')?.trigger('click')
  asked.value?.answer(true)
  await flushPromises()
})
afterEach(() => {
  opened.wrapper.unmount()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

const known = (): string[] => usePeople().agents.map((one) => one.id)
const path = (): string => opened.router.currentRoute.value.path

describe('an invitation that is withdrawn', () => {
  it('takes its account along without another question, and leads back to all of them', async () => {
    expect(known()).toEqual(['me', 'lin'])
    answer(new Response(null, { status: 204 }))
    await flushPromises()
    expect([known(), path(), told()]).toEqual([['me'], '/settings/agents', [`已撤回给 ${EMAIL} 的邀请`]])
    expect(calls.filter((one) => one.path.startsWith('/agents/')).map((one) => `${one.method} ${one.path}`)).toEqual(['DELETE /agents/lin/invitation'])
  })

  it.each(['/elsewhere', '/settings/agents/me'])('leaves whoever has gone to another page there (%s)', async (to) => {
    await opened.router.push(to)
    answer(new Response(null, { status: 204 }))
    await flushPromises()
    expect([known(), path()]).toEqual([['me'], to])
  })

  it('that the server refuses to withdraw stays where it is', async () => {
    answer(refusal(409, 'already_joined'))
    await flushPromises()
    expect([known(), path(), told().length]).toEqual([['me', 'lin'], '/settings/agents/lin', 1])
  })
})
