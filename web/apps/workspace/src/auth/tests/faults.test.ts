// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openPage, refusal, serve, signIn, type Opened } from '../../settings/tests/page'
import PasswordSection from '../../settings/profile/PasswordSection.vue'
import { useSession } from '../../stores/session'
import OidcPage from '../OidcPage.vue'
import SignInPage from '../SignInPage.vue'
import SignUpPage from '../SignUpPage.vue'

let opened: Opened | null = null
afterEach(() => {
  opened?.wrapper.unmount()
  opened = null
  vi.useRealTimers()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

const alerts = (): string[] => [...document.querySelectorAll('form .fe[role]')].map((one) => one.textContent?.trim() ?? '')
/** Which field has the focus, by its label. */
function focused(): string | undefined {
  const id = document.activeElement?.id
  return id ? document.querySelector(`label[for="${id}"]`)?.textContent?.trim() : undefined
}

async function show(page: Parameters<typeof openPage>[0]): Promise<Opened['wrapper']> {
  signIn([])
  useSession().me = null
  opened = await openPage(page)
  return opened.wrapper
}

async function submit(wrapper: Opened['wrapper']): Promise<void> {
  wrapper.get<HTMLButtonElement>('form button[type=submit]').element.focus()
  await wrapper.get('form').trigger('submit')
  await flushPromises()
}

describe('a form before the sign-in', () => {
  it('leads to its first field at fault and says why, and asks nobody', async () => {
    const calls = serve(() => ({}))
    const wrapper = await show(SignInPage)
    await submit(wrapper)
    expect([focused(), alerts(), calls.filter((call) => call.method === 'POST')]).toEqual(['邮箱', ['请填写邮箱', '请填写密码'], []])

    await wrapper.get('input[type=email]').setValue('me@example.com')
    await submit(wrapper)
    expect([focused(), alerts()]).toEqual(['密码', ['请填写密码']])
  })

  it('leads to the field that the server refuses', async () => {
    serve((call) => (call.path === '/signup' ? refusal(422, 'invalid_input', [{ field: 'name', code: 'invalid' }]) : { signup_open: true, version: '1', mail: true }))
    const wrapper = await show(SignUpPage)
    const [enterprise, name, email, password] = wrapper.findAll('form input')
    await enterprise?.setValue('青竹')
    await name?.setValue('沈')
    await email?.setValue('me@example.com')
    await password?.setValue('correct horse battery')
    await submit(wrapper)
    expect([document.activeElement === name?.element, alerts().length]).toEqual([true, 1])
  })

  it('leaves the focus where somebody has gone on to write', async () => {
    let answer = (_: Response): void => undefined
    serve((call) => (call.method === 'POST' ? new Promise<Response>((resolve) => { answer = resolve }) : {}))
    const wrapper = await show(SignInPage)
    const elsewhere = document.body.appendChild(document.createElement('input'))
    await wrapper.get('input[type=email]').setValue('me@example.com')
    await wrapper.get('input[type=password]').setValue('secret')
    await submit(wrapper)
    elsewhere.focus()
    answer(refusal(422, 'invalid_input', [{ field: 'password', code: 'invalid' }]))
    await flushPromises()
    expect([document.activeElement === elsewhere, alerts().length]).toEqual([true, 1])
  })

  it('leaves the focus in another field of its own where somebody writes on', async () => {
    let answer = (_: Response): void => undefined
    serve((call) => (call.method === 'POST' ? new Promise<Response>((resolve) => { answer = resolve }) : {}))
    const wrapper = await show(SignInPage)
    const mail = wrapper.get<HTMLInputElement>('input[type=email]')
    await mail.setValue('me@example.com')
    await wrapper.get('input[type=password]').setValue('secret')
    await submit(wrapper)
    mail.element.focus()
    await mail.setValue('me@example.org')
    answer(refusal(422, 'invalid_input', [{ field: 'password', code: 'invalid' }]))
    await flushPromises()
    expect([document.activeElement === mail.element, alerts().length]).toEqual([true, 1])
  })
})

it('changing the own password leads to what is wrong with it', async () => {
  serve(() => ({}))
  signIn([])
  opened = await openPage(PasswordSection)
  await opened.wrapper.findAll('input[type=password]')[0]?.setValue('old')
  await submit(opened.wrapper)
  expect([focused(), alerts().length]).toEqual(['新密码', 1])
})

describe('coming back from the identity provider', () => {
  it('says after too many attempts that nobody is signed in, and keeps the way to sign in when the wait is over', async () => {
    vi.useFakeTimers()
    serve((call) => (call.path === '/session/oidc/finish' ? refusal(429, 'too_many', [], { 'Retry-After': '2' }) : {}))
    signIn([])
    useSession().me = null
    opened = await openPage(OidcPage, { path: '/oidc/:enterprise', at: '/oidc/e?state=s&code=c' })
    await vi.advanceTimersByTimeAsync(0)
    expect(opened.wrapper.get('h1').text()).toBe('试得太多次了')

    await vi.advanceTimersByTimeAsync(3_000)
    expect([opened.wrapper.find('h1').text(), opened.wrapper.findAll('a[href="/sign-in"]').length]).toEqual(['没有登录', 1])
  })
})
