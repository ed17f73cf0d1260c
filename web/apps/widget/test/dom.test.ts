import { defineComponent, h, nextTick, reactive } from 'vue'
import { describe, expect, it, vi } from 'vitest'
import { createApp, withKeys, withModifiers } from '../src/dom'

function mounted(draw: () => ReturnType<typeof h>): HTMLElement {
  const place = document.createElement('div')
  createApp(defineComponent(() => draw)).mount(place)
  return place
}

function drawn(place: HTMLElement): Record<string, string | null> {
  const element = place.firstElementChild
  return Object.fromEntries((element?.getAttributeNames() ?? []).map((name) => [name, element?.getAttribute(name) ?? null]))
}

describe('the DOM of the panel', () => {
  it('sets, changes and takes away attributes as a template says', async () => {
    const state = reactive({ off: true, label: 'a' as string | null, open: false })
    const place = mounted(() => h('button', { type: 'button', disabled: state.off, 'aria-label': state.label, 'aria-expanded': state.open, class: { on: state.open } }))
    expect(drawn(place)).toEqual({ type: 'button', disabled: '', 'aria-label': 'a', 'aria-expanded': 'false', class: '' })
    Object.assign(state, { off: false, label: null, open: true })
    await nextTick()
    expect(drawn(place)).toEqual({ type: 'button', 'aria-expanded': 'true', class: 'on' })
  })

  it('changes styles by name and leaves the others alone', async () => {
    const state = reactive({ style: { width: '4px', maxHeight: '3px' } as Record<string, string> })
    const place = mounted(() => h('i', { style: state.style }))
    expect((place.firstElementChild as HTMLElement).style.cssText).toBe('width: 4px; max-height: 3px;')
    state.style = { width: '5px' }
    await nextTick()
    expect((place.firstElementChild as HTMLElement).style.cssText).toBe('width: 5px;')
  })

  it('does not write a value that is there already: the cursor stays', async () => {
    const state = reactive({ text: 'ab', other: 1 })
    const place = mounted(() => h('textarea', { value: state.text, rows: state.other }))
    const area = place.querySelector('textarea')
    area?.setSelectionRange(1, 1)
    state.other = 2
    await nextTick()
    expect(area?.selectionStart).toBe(1)
    state.text = 'xyz'
    await nextTick()
    expect(area?.value).toBe('xyz')
  })

  it('calls the newest listener once, several in turn, and none that has gone', async () => {
    const calls: string[] = []
    const state = reactive({ name: 'a' as string | null })
    const place = mounted(() => h('b', { onClick: state.name === null ? undefined : [() => calls.push(`${state.name}1`), () => calls.push(`${state.name}2`)] }))
    const click = (): unknown => place.querySelector('b')?.dispatchEvent(new Event('click'))
    click()
    state.name = 'b'
    await nextTick()
    click()
    state.name = null
    await nextTick()
    click()
    expect(calls).toEqual(['a1', 'a2', 'b1', 'b2'])
  })

  it('keeps a listener that is drawn because of an event from hearing that event', () => {
    const later = vi.fn()
    const state = reactive({ drawn: false })
    const place = mounted(() => h('div', state.drawn ? { onClick: later } : {}, [h('b', { onClick: () => (state.drawn = true) })]))
    place.querySelector('b')?.dispatchEvent(new Event('click', { bubbles: true }))
    expect(later).not.toHaveBeenCalled()
  })

  it('draws pictures as SVG and text as text', () => {
    const place = mounted(() => h('div', [h('svg', { viewBox: '0 0 1 1', class: 'icon' }, [h('path', { d: 'M0 0' })]), '<b>x</b>']))
    expect(place.querySelector('path')?.namespaceURI).toBe('http://www.w3.org/2000/svg')
    expect(place.querySelector('b')).toBeNull()
  })

  it('knows the modifiers and keys that templates here use', () => {
    const heard = vi.fn()
    const event = new KeyboardEvent('keydown', { key: 'Escape', cancelable: true })
    withModifiers(heard, ['prevent'])(event)
    expect(event.defaultPrevented).toBe(true)
    withKeys(heard, ['esc'])(event)
    withKeys(heard, ['enter'])(event)
    withKeys(heard, ['arrow-down'])(new KeyboardEvent('keydown', { key: 'ArrowDown' }))
    expect(heard).toHaveBeenCalledTimes(3)
  })

  it('leaves the keys of an input method to it', () => {
    const heard = vi.fn()
    withKeys(heard, ['esc'])(new KeyboardEvent('keydown', { key: 'Escape', isComposing: true }))
    withKeys(heard, ['esc'])(new KeyboardEvent('keydown', { key: 'Escape', keyCode: 229 }))
    expect(heard).not.toHaveBeenCalled()
  })
})
