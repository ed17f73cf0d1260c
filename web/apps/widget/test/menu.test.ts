import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeAll, expect, it, vi } from 'vitest'

vi.mock('../src/state/evaluating', () => ({ formOf: async () => Promise.resolve({ open: true }) }))
vi.mock('../src/logic/style', () => ({ addStyle: () => undefined }))

/** As Safari presses: the focus goes nowhere, unless that is prevented, and only what is still there is clicked. */
async function press(element: Element): Promise<void> {
  const free = element.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }))
  if (free) (document.activeElement as HTMLElement | null)?.blur()
  await flushPromises()
  if (element.isConnected) element.dispatchEvent(new MouseEvent('click', { bubbles: true }))
  await flushPromises()
}

async function draw() {
  const { default: Menu } = await import('../src/components/Menu.vue')
  const shown = mount(Menu, { props: { conversationId: 'c1', canEnd: true }, attachTo: document.body })
  await press(shown.get('.tool').element)
  return shown
}

beforeAll(async () => {
  const { setLocale } = await import('../src/i18n')
  await setLocale('zh-CN')
})
afterEach(() => document.body.replaceChildren())

it('what stands in the menu can be pressed where pressing focuses nothing', async () => {
  const shown = await draw()
  await press(shown.findAll('[role=menuitem]')[1]!.element)
  expect(shown.emitted('end')).toEqual([[]])
  expect(shown.find('[role=menu]').exists()).toBe(false)
})

it('its button closes it again, and keeps the focus', async () => {
  const shown = await draw()
  expect(document.activeElement).toBe(shown.findAll('[role=menuitem]')[0]!.element)
  await press(shown.get('.tool').element)
  expect(shown.find('[role=menu]').exists()).toBe(false)
  expect(document.activeElement).toBe(shown.get('.tool').element)
})

it('what is pressed outside of it closes it', async () => {
  const shown = await draw()
  await press(document.body)
  expect(shown.find('[role=menu]').exists()).toBe(false)
})
