// @vitest-environment jsdom
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h, shallowRef, type Component, type FunctionalComponent } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import App from '../../App.vue'
import { part } from '../part'
import { dismiss, toasts } from '../toasts'

const MISSING = '没有加载出来。请再试一次；若仍不行，请重新载入这一页。'
const told = (): string[] => toasts.value.map((toast) => toast.text)
const fetched = vi.fn<() => Promise<{ default: Component }>>()
let app: VueWrapper

/** A page with something typed, and a button that shows a dialog which is fetched then. */
function page(shows: (open: boolean, set: (open: boolean) => void) => unknown) {
  return defineComponent(() => {
    const open = shallowRef(false)
    return () => h('main', [h('input'), h('button', { onClick: () => { open.value = true } }, '转接'), open.value ? shows(open.value, (now) => { open.value = now }) as never : null])
  })
}

async function opened(shown: Component, further: Component | (() => Promise<Component>) = shown): Promise<Router> {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: shown, meta: { open: true } }, { path: '/other', component: further }] })
  void router.push('/').catch(() => undefined)
  app = mount(App, { attachTo: document.body, global: { plugins: [router] } })
  await flushPromises()
  return router
}

beforeEach(() => {
  setActivePinia(createPinia())
  for (const { id } of toasts.value) dismiss(id)
  vi.stubGlobal('reportError', () => undefined)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  fetched.mockReset()
})

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

describe('a part that could not be fetched', () => {
  const dialog: FunctionalComponent = () => h('div', { class: 'dialog' })
  const Part = () => part(fetched) as Component

  it.each([
    ['v-model', (One: Component) => page((open, set) => h(One, { modelValue: open, 'onUpdate:modelValue': set }))],
    ['close', (One: Component) => page((_, set) => h(One, { onClose: () => set(false) }))],
    ['missing', (One: Component) => page((_, set) => h(One, { onMissing: () => set(false), onClose: () => expect.fail('it was never open') }))],
  ])('is told, leaves the page and what is typed there, and comes with the next press (%s)', async (_, around) => {
    fetched.mockRejectedValueOnce(new TypeError('Failed to fetch dynamically imported module'))
    await opened(around(Part()))
    await app.get('input').setValue('写到一半')
    await app.get('button').trigger('click')
    await flushPromises()
    expect([app.find('.broken').exists(), app.get('input').element.value, told()]).toEqual([false, '写到一半', [MISSING]])

    fetched.mockResolvedValueOnce({ __esModule: true, default: dialog } as { default: Component })
    await app.get('button').trigger('click')
    await flushPromises()
    expect([app.find('.dialog').exists(), fetched.mock.calls.length, told()]).toEqual([true, 2, [MISSING]])
  })

  it('comes with the styles that could not be fetched the first time', async () => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: 'https://x.test/part.css' })
    const links = () => [...document.head.querySelectorAll('link[href$="part.css"]')]
    fetched.mockImplementationOnce(() => {
      document.head.append(link)
      link.dispatchEvent(new Event('error'))
      return Promise.reject(new Error('Unable to preload CSS'))
    })
    const One = Part()
    await opened(page((open, set) => h(One, { modelValue: open, 'onUpdate:modelValue': set })))
    await app.get('button').trigger('click')
    await flushPromises()
    expect([links(), told()]).toEqual([[link], [MISSING]])

    fetched.mockResolvedValueOnce({ __esModule: true, default: dialog } as { default: Component })
    await app.get('button').trigger('click')
    await flushPromises()
    expect([links().length, links()[0] === link, app.find('.dialog').exists()]).toEqual([1, false, false])
    links()[0]?.dispatchEvent(new Event('load'))
    await flushPromises()
    expect(app.find('.dialog').exists()).toBe(true)
  })

  it('is not told once nobody waits for it', async () => {
    let fail: (cause: unknown) => void = () => undefined
    fetched.mockReturnValueOnce(new Promise((_, reject) => { fail = reject }))
    const One = Part()
    const router = await opened(page(() => h(One)), { render: () => h('p', '别的') })
    await app.get('button').trigger('click')
    await router.push('/other')
    fail(new TypeError('Failed to fetch'))
    await flushPromises()
    expect([app.get('p').text(), told()]).toEqual(['别的', []])
  })
})

describe('a page that could not be fetched', () => {
  const whole: Component = { render: () => h('main', { class: 'whole' }) }
  const faulty: Component = { setup: () => { throw new Error('drawing') } }
  const lost = (): Promise<Component> => Promise.reject(new TypeError('Failed to fetch'))

  it('leaves the one that is shown', async () => {
    const router = await opened(whole, lost)
    await router.push('/other').catch(() => undefined)
    await flushPromises()
    expect([app.find('.broken').exists(), app.find('.whole').exists(), router.currentRoute.value.path, told()]).toEqual([false, true, '/', [MISSING]])
  })

  it('is told on the whole window where none is shown yet', async () => {
    await opened(lost as unknown as Component)
    expect([app.find('.broken').exists(), told()]).toEqual([true, []])
  })

  it('a fault of drawing takes the page with it, as ever', async () => {
    const router = await opened(whole, faulty)
    await router.push('/other')
    await flushPromises()
    expect(app.find('.broken').exists()).toBe(true)
  })
})
