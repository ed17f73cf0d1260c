// @vitest-environment jsdom
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import KeyDialog from '../keys/KeyDialog.vue'
import { refusal, serve, signIn, type Call } from './page'

const Shown = defineComponent({ setup: (_props, { slots }) => () => h('div', [slots['default']?.(), slots['footer']?.()]) })
const MADE = { api_key: { id: 'k1', name: '订单系统' }, secret: 'qk_once' }
let dialog: VueWrapper

afterEach(() => {
  dialog.unmount()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** The dialog of somebody who may see nothing but the enterprise, with a name and that permission chosen. */
async function filled(account: unknown, made: () => unknown): Promise<Call[]> {
  const calls = serve((call) => (call.path === '/me/security' ? account : made()))
  signIn(['enterprise.view', 'api_keys.manage'])
  dialog = mount(KeyDialog, { props: { modelValue: false }, global: { stubs: { ElDialog: Shown } } })
  await dialog.setProps({ modelValue: true })
  await flushPromises()
  await dialog.get('input[maxlength="60"]').setValue('订单系统')
  if (dialog.find('input[type=checkbox]').exists()) await dialog.get('input[type=checkbox]').setValue(true)
  return calls
}

async function submit(): Promise<void> {
  await dialog.get('form').trigger('submit')
  await flushPromises()
}

const made = (calls: readonly Call[]) => calls.filter((call) => call.method === 'POST').map((call) => call.body['password'])
const button = () => dialog.get<HTMLButtonElement>('button[type=submit]').element
const password = () => dialog.get<HTMLInputElement>('input[type=password]')
const said = (): string[] => dialog.findAll('[role=alert], .fe').map((one) => one.text())

describe('a new API key', () => {
  it('is asked for with the own password, which stays nowhere', async () => {
    const answers = [refusal(401, 'wrong_credentials'), MADE]
    const calls = await filled({ password_set: true }, () => answers.shift())

    await submit()
    expect([said(), made(calls)]).toEqual([['请填写密码'], []])

    await password().setValue('another one')
    await submit()
    expect([said(), made(calls)]).toEqual([['密码不对'], ['another one']])

    await password().setValue('pine-kettle-42-rain')
    await submit()
    expect([dialog.text().includes('qk_once'), made(calls)]).toEqual([true, ['another one', 'pine-kettle-42-rain']])

    await dialog.setProps({ modelValue: false })
    await dialog.setProps({ modelValue: true })
    await flushPromises()
    expect([password().element.value, said()]).toEqual(['', []])
  })

  it('is not asked for with what was typed before the dialog was closed', async () => {
    await filled({ password_set: true }, () => MADE)
    await password().setValue('pine-kettle-42-rain')

    await dialog.setProps({ modelValue: false })
    expect(password().element.value).toBe('')
  })

  it('waits until it is known whether there is a password to give', async () => {
    let answer: (account: unknown) => void = () => undefined
    const calls = await filled(new Promise((resolve) => { answer = resolve }), () => MADE)
    await submit()
    expect([button().disabled, dialog.find('input[type=password]').exists(), made(calls)]).toEqual([true, false, []])

    answer({ password_set: true })
    await flushPromises()
    expect([button().disabled, password().attributes('autocomplete')]).toEqual([false, 'current-password'])
  })

  it('is asked for without a password where the account has none, soon after signing in', async () => {
    const calls = await filled({ password_set: false }, () => refusal(403, 'recent_sign_in_required'))
    expect(dialog.find('input[type=password]').exists()).toBe(false)

    await submit()
    expect([said(), made(calls)]).toEqual([['这个账号没有密码。请先退出并重新登录，然后在十分钟内再操作。'], [null]])
  })

  it('tells of a password that was set elsewhere meanwhile', async () => {
    await filled({ password_set: false }, () => refusal(422, 'invalid_input', [{ field: 'password', code: 'missing' }]))
    await submit()
    expect(said()).toHaveLength(1)
  })

  it('can be asked for again only when it is time, where the password was wrong too often', async () => {
    const calls = await filled({ password_set: true }, () => refusal(429, 'too_many', [], { 'Retry-After': '30' }))
    vi.useFakeTimers()
    await password().setValue('another one')
    await dialog.get('form').trigger('submit')
    await vi.advanceTimersByTimeAsync(0)
    expect([button().disabled, said().map((one) => /30/.test(one))]).toEqual([true, [true]])

    await dialog.get('form').trigger('submit')
    expect(made(calls)).toHaveLength(1)

    await vi.advanceTimersByTimeAsync(30_500)
    expect(button().disabled).toBe(false)
  })
})
