// @vitest-environment jsdom
import { mount, type VueWrapper } from '@vue/test-utils'
import { nextTick } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { dismiss, toastDone, toasts } from '../toasts'
import Toasts from '../Toasts.vue'

const SHOWN_MS = 6_000
let page: VueWrapper
let undone: number

beforeEach(async () => {
  vi.useFakeTimers()
  for (const { id } of toasts.value) dismiss(id)
  undone = 0
  page = mount(Toasts, { attachTo: document.body })
  toastDone('已拉黑', { text: '撤销', run: () => { undone += 1 } })
  await nextTick()
})
afterEach(() => {
  page.unmount()
  vi.useRealTimers()
})

async function pass(ms: number): Promise<boolean> {
  await vi.advanceTimersByTimeAsync(ms)
  return page.find('.toast').exists()
}

describe('what can be undone', () => {
  it('goes after a while', async () => {
    expect([await pass(SHOWN_MS - 1), await pass(1)]).toEqual([true, false])
  })

  it('stays while the keyboard is in it, from one of its buttons to the other', async () => {
    const [undo, close] = page.findAll<HTMLButtonElement>('button')
    undo?.element.focus()
    expect(await pass(SHOWN_MS * 2)).toBe(true)
    close?.element.focus()
    expect(await pass(SHOWN_MS * 2)).toBe(true)
    close?.element.blur()
    expect([await pass(SHOWN_MS - 1), await pass(1), undone]).toEqual([true, false, 0])
  })

  it('stays until both the pointer and the keyboard have left', async () => {
    const undo = page.get<HTMLButtonElement>('button')
    undo.element.focus()
    await page.get('.toast').trigger('pointerenter')
    await page.get('.toast').trigger('pointerleave')
    expect(await pass(SHOWN_MS)).toBe(true)
    await undo.trigger('click')
    expect([page.find('.toast').exists(), undone]).toEqual([false, 1])
  })
})
