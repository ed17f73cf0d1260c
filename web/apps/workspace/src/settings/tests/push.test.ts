// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import NotifySection from '../profile/NotifySection.vue'
import { openPage, serve, signIn, told } from './page'

afterEach(() => {
  vi.unstubAllGlobals()
  Reflect.deleteProperty(navigator, 'serviceWorker')
  document.body.replaceChildren()
})

it('push that this browser cannot receive is not shown as on, can be tried again, and says what to do', async () => {
  vi.stubGlobal('Notification', { permission: 'granted', requestPermission: () => Promise.resolve('granted') })
  vi.stubGlobal('PushManager', vi.fn())
  Object.defineProperty(navigator, 'serviceWorker', { configurable: true, value: {
    register: () => Promise.reject(new DOMException('storage is blocked', 'SecurityError')),
    ready: new Promise(() => undefined),
    getRegistration: () => Promise.resolve(undefined),
  } })
  const calls = serve(() => ({ public_key: 'k', endpoint: null }))
  signIn([])
  const { wrapper } = await openPage(NotifySection)
  const push = wrapper.findAll<HTMLInputElement>('input[role=switch]')[1]
  await push?.setValue(true)
  await flushPromises()

  expect([push?.element.checked, push?.element.disabled]).toEqual([false, false])
  expect(told()).toEqual(['没有打开推送：浏览器没能启动接收推送的程序。请检查网络、允许本站保存数据，然后刷新页面再试。'])
  expect(calls.filter((call) => call.method !== 'GET')).toEqual([])
  wrapper.unmount()
})
