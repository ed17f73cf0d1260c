import { describe, expect, it } from 'vitest'
import { filledIn, takenApart, type Params } from '../src/i18n/format'
import { isMessageKey, setLocale, t, tn } from '../src/i18n'

const say = (text: string, params: Params = {}): string => filledIn(takenApart(text), params)

describe('a text', () => {
  it.each([
    ['plain', {}, 'plain'],
    ['{name} and {name} of {count}', { name: '沈知夏', count: 3 }, '沈知夏 and 沈知夏 of 3'],
    ['{name}{other}', { name: 'a', other: 'b' }, 'ab'],
    ['{missing}!', {}, '!'],
    ["Type {'@'} or {'{x}'}", { x: 'no' }, 'Type @ or {x}'],
    ['a {name} b', { name: '{other} | c' }, 'a {other} | c b'],
    ['', {}, ''],
  ])('%j is filled in', (text, params, expected) => {
    expect(say(text, params)).toBe(expected)
  })

  it.each([[0, 'many'], [1, 'one'], [2, 'many'], [-1, 'one']])('of two forms says, of %i, %s', (count, expected) => {
    expect(say('one | many', { count })).toBe(expected)
  })

  it.each([[0, 'none'], [1, 'one'], [2, '2 of them'], [7, '7 of them']])('of three forms says, of %i, %s', (count, expected) => {
    expect(say('none | one | {count} of them', { count })).toBe(expected)
  })

  it('takes the form of one where nothing is counted, or what is counted is no number', () => {
    expect([say('one | many'), say('one | many', { count: '50+' })]).toEqual(['one', 'one'])
  })
})

describe('the chosen language', () => {
  it('answers at once where its texts are here, and the last choice counts', async () => {
    const english = setLocale('en')
    expect(t('common.nav.settings')).toBe('Settings')
    await Promise.all([english, setLocale('zh-CN')])
    expect(t('common.nav.settings')).toBe('设置')
  })

  it('knows its keys, and shows one that it does not know as it is', () => {
    expect(['common.nav.settings', 'common.nav', 'common.nope', 'common.nav.settings.length', ''].map(isMessageKey)).toEqual([true, false, false, false, false])
    expect(tn('common.unsaved.count', 2)).toContain('2')
  })
})
