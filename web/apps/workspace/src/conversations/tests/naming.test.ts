// @vitest-environment jsdom
import type { CustomerShown, Me } from '@qiatan/api'
import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import CustomerName from '../side/CustomerName.vue'
import { useThread } from '../stores/thread'
import { useUnsaved } from '../stores/unsaved'
import { ME } from './make'

const customer = { id: 'c1', name: '陈若溪', named: true, vip: false, version: 3 } as unknown as CustomerShown
const shown = () => mount(CustomerName, { props: { customer, name: customer.name } })

async function begin(text: string) {
  const wrapper = shown()
  await wrapper.get('button.pen').trigger('click')
  await wrapper.get('input').setValue(text)
  return wrapper
}

beforeEach(() => {
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: ['customers.edit'] } as unknown as Me
})

describe('the name of a customer that is being written', () => {
  it('is as it was left, with the version it began from', async () => {
    const wrapper = await begin('山间')
    wrapper.unmount()

    expect(shown().get('input').element.value).toBe('山间')
    expect(useUnsaved().names.get('c1')).toEqual({ text: '山间', version: 3 })
  })

  it('is done with where the agent went on before the answer came', async () => {
    let answer = (): void => undefined
    useThread().changeCustomer = vi.fn(() => new Promise<void>((resolve) => { answer = resolve }))
    const wrapper = await begin('山间')
    await wrapper.get('form').trigger('submit')
    wrapper.unmount()

    answer()
    await flushPromises()

    expect(shown().find('input').exists()).toBe(false)
  })

  it('is forgotten with Esc', async () => {
    const wrapper = await begin('山间')
    await wrapper.get('input').trigger('keydown', { key: 'Escape' })
    wrapper.unmount()

    expect(shown().find('input').exists()).toBe(false)
  })
})
