// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { ACTIONS } from '../catalogue'
import { actionAt, chordOf, refusal, shownParts } from '../chords'

function press(key: string, held: { ctrlKey?: boolean; metaKey?: boolean; altKey?: boolean; shiftKey?: boolean } = {}) {
  return chordOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held })
}

describe('what a key press means', () => {
  it.each([
    ['j', {}, 'J'],
    ['J', {}, 'J'],
    ['m', { ctrlKey: true, shiftKey: true }, 'Mod+Shift+M'],
    ['k', { metaKey: true }, 'Mod+K'],
    ['?', { shiftKey: true }, '?'],
    ['？', { shiftKey: true }, '?'],
    ['ArrowDown', { ctrlKey: true }, 'Mod+ArrowDown'],
    ['Shift', { shiftKey: true }, null],
    ['Process', {}, null],
    ['é', {}, null],
  ] as const)('%s with %o is %s', (key, held, chord) => {
    expect(press(key, held)).toBe(chord)
  })

  it('finds the usual key, the further one, and the chosen one instead of the usual', () => {
    expect(actionAt('J', {})?.id).toBe('next')
    expect(actionAt('ArrowDown', {})?.id).toBe('next')
    expect(actionAt('T', { transfer: 'Mod+Shift+X' })).toBeNull()
    expect(actionAt('Mod+Shift+X', { transfer: 'Mod+Shift+X' })?.id).toBe('transfer')
    expect(actionAt('T', { transfer: '' })).toBeNull()
  })
})

describe('which key an action can have', () => {
  it('no two actions have the same key from the start, and none is refused its own', () => {
    const all = ACTIONS.flatMap((action) => [action.chord, ...(action.also ?? [])])
    expect(new Set(all).size).toBe(all.length)
    expect(ACTIONS.filter((action) => refusal(action.id, action.chord, {}) !== null)).toEqual([])
  })

  it('names the action that has it already', () => {
    const why = refusal('transfer', 'G', {})
    expect(why?.reason === 'conflict' && why.with.id).toBe('tags')
    expect(refusal('transfer', 'G', { tags: 'H' })).toBeNull()
  })

  it('leaves to the browser and to writing what is theirs', () => {
    expect(refusal('transfer', 'Mod+C', {})?.reason).toBe('taken')
    expect(refusal('note', 'M', {})?.reason).toBe('held')
  })
})

it('is written as the keyboard at hand names it', () => {
  expect(shownParts('Mod+Shift+ArrowDown', false)).toEqual(['Ctrl', 'Shift', '↓'])
  expect(shownParts('Mod+K', true)).toEqual(['⌘', 'K'])
})
