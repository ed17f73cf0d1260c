import { shallowMount } from '@vue/test-utils'
import { expect, it } from 'vitest'

/** What a browser tells of a drag; jsdom has none of its own. Answers whether the panel takes it into its hands. */
function drag(element: Element, name: string, types: string[]): boolean {
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), { dataTransfer: { types, files: [new File([], 'a.png')] } })
  element.dispatchEvent(event)
  return event.defaultPrevented
}

it('only files that are dragged are the panel’s: text is left to the field', async () => {
  const { default: App } = await import('../src/App.vue')
  const added: number[] = []
  const Composer = { template: '<i />', methods: { add: (files: File[]) => added.push(files.length) } }
  const { element } = shallowMount(App, { global: { stubs: { Composer } } }).get('.panel')
  const shown = ['dragover', 'drop'].map((name) => [drag(element, name, ['text/plain']), drag(element, name, ['Files'])])
  expect(shown).toEqual([[false, true], [false, true]])
  expect(added).toEqual([1])
})
