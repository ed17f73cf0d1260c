// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import FieldsPage from '../fields/FieldsPage.vue'
import { openPage, serve, signIn } from './page'

afterEach(() => {
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

it('a field moved twice by keys, the second time before the first is shown, stands where it was put and never jumps back', async () => {
  const answers: (() => void)[] = []
  let stored = ['甲', '乙', '丙']
  let isHeld = false
  const fields = () => ({ items: stored.map((name, position) => ({ id: name, key: name, name, kind: 'text', options: [], position, version: 1 })) })
  serve(({ method, path, body }) => {
    if (path !== '/customer-fields' && method === 'GET') return {}
    if (method === 'GET') {
      const now = fields()
      return isHeld ? new Promise((resolve) => { answers.push(() => resolve(now)) }) : now
    }
    stored = Object.values(body)[0] as string[]
    return fields()
  })
  signIn(['customers.fields'])
  const { wrapper } = await openPage(FieldsPage)
  const order = (): string[] => wrapper.findAll('ol .nm').map((one) => one.text())
  isHeld = true

  await wrapper.get('[data-field="甲"] .grip').trigger('keydown', { key: 'ArrowDown' })
  await flushPromises()
  await wrapper.get('[data-field="甲"] .grip').trigger('keydown', { key: 'ArrowDown' })
  await flushPromises()
  expect([stored, order(), answers.length]).toEqual([['乙', '丙', '甲'], ['乙', '丙', '甲'], 1])

  answers[0]?.()
  await flushPromises()
  expect([order(), answers.length]).toEqual([['乙', '丙', '甲'], 2])
  answers[1]?.()
  await flushPromises()
  expect(order()).toEqual(['乙', '丙', '甲'])
  wrapper.unmount()
})
