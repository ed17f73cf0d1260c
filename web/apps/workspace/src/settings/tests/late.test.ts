// @vitest-environment jsdom
import type { PolicyDraft, Role } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
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
