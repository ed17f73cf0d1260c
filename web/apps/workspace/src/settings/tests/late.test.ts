// @vitest-environment jsdom
import type { PolicyDraft, Role } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import TrialColumn from '../assignment/TrialColumn.vue'
import { settings } from '../assignment/tests/make'
import AttendancePage from '../attendance/AttendancePage.vue'
import OidcPage from '../oidc/OidcPage.vue'
import TrialBox from '../security/TrialBox.vue'
import { openPage, refusal, serve, signIn } from './page'

afterEach(() => {
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

/** Answers to the calls under a path, given by the test. */
function held(path: string, others: unknown): { answers: ((said: unknown) => void)[] } {
  const answers: ((said: unknown) => void)[] = []
  serve((call) => (call.path === path ? new Promise((resolve) => { answers.push(resolve) }) : others))
  return { answers }
}

describe('the verdict on an address', () => {
  const roles = ['r1', 'r2'].map((id) => ({ id, name: id, builtin: null })) as unknown as Role[]
  const verdict = { address: '198.51.100.7', region: { code: '', path: '' }, allowed: true, reason: 'not_restricted' }

  it('that comes late does not stand under another address, and that one can be tried at once', async () => {
    const { answers } = held('/security/login-policy/trial', {})
    signIn([])
    const box = mount(TrialBox, { props: { roles, draft: {} as PolicyDraft, changed: false } })
    await box.get('input').setValue('198.51.100.7')
    await box.get('form').trigger('submit')
    await box.get('input').setValue('203.0.113.9')
    await flushPromises()
    expect(box.get('button').attributes('disabled')).toBeUndefined()

    answers[0]?.(verdict)
    await flushPromises()
    expect(box.find('.out').exists()).toBe(false)

    await box.get('form').trigger('submit')
    answers[1]?.({ ...verdict, address: '203.0.113.9' })
    await flushPromises()
    expect(box.get('.out b').text()).toContain('通过')
  })

  it('that comes late does not end the wait for a newer one', async () => {
    const { answers } = held('/security/login-policy/trial', {})
    signIn([])
    const box = mount(TrialBox, { props: { roles, draft: {} as PolicyDraft, changed: false } })
    await box.get('input').setValue('198.51.100.7')
    await box.get('form').trigger('submit')
    await box.get('select').setValue('r2')
    await box.get('form').trigger('submit')
    answers[0]?.(refusal(500, 'internal'))
    await flushPromises()
    expect([box.find('.out').exists(), box.get('button').attributes('disabled')]).toEqual([false, ''])
  })
})

describe('the test of an identity provider', () => {
  const provider = { enabled: true, label: '企业', issuer: 'https://id.example', client_id: 'c', redirect_uri: 'https://x', sign_in_url: 'https://y', version: 3 }

  it.each([['an answer', null], ['a refusal', refusal(502, 'oidc_unreachable')]])('whose end comes late as %s does not stand under other fields', async (_, end) => {
    const { answers } = held('/security/oidc/test', provider)
    signIn(['security.view', 'security.edit'])
    const { wrapper } = await openPage(OidcPage)
    await wrapper.get('.test button').trigger('click')
    const [label] = wrapper.findAll('input[type=text]')
    await label?.setValue('别的')
    expect(wrapper.get('.test button').attributes('disabled')).toBeUndefined()

    answers[0]?.(end)
    await flushPromises()
    expect([wrapper.find('.test .ok').exists(), wrapper.find('.test .er').exists()]).toEqual([false, false])
    wrapper.unmount()
  })
})

describe('the attendance of a range', () => {
  const day = (name: string) => ({ items: [{ day: '2026-11-22', agent_id: name, name, first_seen_at: '2026-11-22T01:00:00Z', last_seen_at: null, online_seconds: 60, busy_seconds: 0, away_seconds: 0 }] })

  it('that comes late does not stand under a newer range', async () => {
    const { answers } = held('/attendance', {})
    signIn(['routing.attendance'])
    const { wrapper } = await openPage(AttendancePage)
    const until = wrapper.get<HTMLInputElement>('input[type=date]')
    await until.setValue(wrapper.findAll<HTMLInputElement>('input[type=date]')[1]?.element.value)
    expect(answers).toHaveLength(2)

    answers[1]?.(day('今天'))
    await flushPromises()
    answers[0]?.(day('一周'))
    await flushPromises()
    expect(wrapper.findAll('tbody td:first-child').map((cell) => cell.text())).toEqual(['今天'])
    wrapper.unmount()
  })
})

describe('the trial of the rules', () => {
  afterEach(() => vi.useRealTimers())

  it('that was begun for a supposed visitor is not waited for where a conversation is to be chosen', async () => {
    vi.useFakeTimers()
    const { answers } = held('/routing/trial', { items: [], next: null })
    signIn(['routing.view'])
    const column = mount(TrialColumn, { props: { settings: settings(), changed: false } })
    await vi.advanceTimersByTimeAsync(0)
    expect([answers.length, column.get('.out').attributes('aria-busy')]).toEqual([1, 'true'])

    await column.findAll('.head button')[1]?.trigger('click')
    await vi.advanceTimersByTimeAsync(400)
    expect(column.get('.out').attributes('aria-busy')).toBe('false')
    column.unmount()
  })
})
