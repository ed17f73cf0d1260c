// @vitest-environment jsdom
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { guardCompositions } from '../src/ui/composing'

let heard: string[] = []

beforeAll(() => {
  guardCompositions(window)
  document.addEventListener('keydown', () => heard.push('document'))
})
beforeEach(() => { heard = [] })
afterEach(() => { document.body.replaceChildren() })

function pressed(element: HTMLElement, options: KeyboardEventInit): string[] {
  element.addEventListener('keydown', () => heard.push('field'))
  document.body.append(element)
  element.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...options }))
  return heard
}

describe('a key in a field', () => {
  it.each(['input', 'textarea'])('is heard by nobody while words are composed in an %s', (name) => {
    expect(pressed(document.createElement(name), { key: 'Escape', isComposing: true })).toEqual([])
  })

  it('is heard by nobody when it ends the composition, which some browsers tell by its code alone', () => {
    expect(pressed(document.createElement('input'), { key: 'Enter', keyCode: 229 })).toEqual([])
  })

  it('is heard by everybody otherwise', () => {
    expect(pressed(document.createElement('input'), { key: 'Escape' })).toEqual(['field', 'document'])
  })

  it('reaches an editor of text with form, which follows compositions itself, and nobody around it', () => {
    const editor = document.createElement('div')
    Object.defineProperty(editor, 'isContentEditable', { value: true })

    expect(pressed(editor, { key: 'Escape', isComposing: true })).toEqual(['field'])
  })
})
