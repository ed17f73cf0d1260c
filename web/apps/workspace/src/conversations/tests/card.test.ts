import type { CustomerField, Tag, TagGroup } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { optionFault, optionsOf } from '../../settings/fields/options'
import { choices, foundExactly } from '../../ui/tags/choices'
import { blockedUntil, dayFault } from '../block/expiry'
import { BUILTIN, cardFields, masked, shownValue } from '../side/fields'

const words = { label: (key: string) => `label ${key}`, gender: (value: string) => `gender ${value}` }
const own = (key: string, position: number, kind: CustomerField['kind'] = 'text', options: string[] = []): CustomerField =>
  ({ id: key, key, name: key.toUpperCase(), kind, options, position, version: 1 })

describe('the fields of a card', () => {
  it('are the built-in ones, then the own ones by their places', () => {
    expect(cardFields([own('b', 2), own('a', 1)], words).map((one) => one.key)).toEqual([...BUILTIN, 'a', 'b'])
  })

  it('show a choice by its words, and what is no choice any more as it is', () => {
    const [gender] = cardFields([], words).filter((one) => one.key === 'gender')
    expect(gender && shownValue(gender, 'female')).toBe('gender female')
    expect(gender && shownValue(gender, 'elf')).toBe('elf')
  })

  it('ask for a value in the way of its kind', () => {
    const asked = Object.fromEntries(cardFields([own('n', 0, 'number'), own('d', 1, 'date'), own('c', 2, 'choice', ['x', 'y'])], words).map((one) => [one.key, one.asked]))
    expect(asked).toMatchObject({ phone: 'line', comment: 'lines', gender: 'choice', age: 'number', n: 'number', d: 'date', c: 'choice' })
  })
})

describe('a phone number on the card', () => {
  it.each([
    ['13800132071', '138 **** 2071'],
    ['+86 138-0013-2071', '861 **** 2071'],
    ['110', '110'],
    ['', ''],
  ])('%s is shown as %s', (phone, shown) => {
    expect(masked(phone)).toBe(shown)
  })
})

describe('the options of an own field', () => {
  it('are the lines that hold something', () => {
    expect(optionsOf(' 银卡 \n\n金卡\n  ')).toEqual(['银卡', '金卡'])
  })

  it('are at least two, different, and not too many or long', () => {
    expect(optionFault(['a'])).toEqual({ code: 'needOptions' })
    expect(optionFault(['a', 'b', 'a'])).toEqual({ code: 'twice', option: 'a' })
    expect(optionFault(['a', 'b'.repeat(61)])).toEqual({ code: 'optionLong' })
    expect(optionFault(Array.from({ length: 51 }, (_, at) => `${at}`))).toEqual({ code: 'tooManyOptions' })
    expect(optionFault(['a', '𠮷'.repeat(60)])).toBeNull()
  })
})

describe('how long somebody is blocked', () => {
  const now = Date.UTC(2026, 10, 22, 6)
  const zone = 'Asia/Shanghai'

  it('ends after the span, or not at all', () => {
    expect(blockedUntil('forever', '', now, zone)).toBeNull()
    expect(blockedUntil('week', '', now, zone)).toBe('2026-11-29T06:00:00.000Z')
  })

  it.each([
    ['Asia/Shanghai', '2026-11-30', '2026-11-30T16:00:00.000Z'],
    ['America/Los_Angeles', '2026-11-30', '2026-12-01T08:00:00.000Z'],
    ['UTC', '2026-12-31', '2027-01-01T00:00:00.000Z'],
    // The clock goes back in the night after the first, and forward in the night after the second.
    ['Europe/Berlin', '2026-10-25', '2026-10-25T23:00:00.000Z'],
    ['Europe/Berlin', '2026-03-28', '2026-03-28T23:00:00.000Z'],
    // Midnight is left out there on that day.
    ['Africa/Cairo', '2026-04-23', '2026-04-23T22:00:00.000Z'],
  ])('includes the chosen day, to its end in %s', (of, day, end) => {
    expect(blockedUntil('custom', day, now, of)).toBe(end)
  })

  it('needs a day that is not over', () => {
    expect(dayFault('custom', '', now, zone)).toBe('missing')
    expect(dayFault('custom', '2026-13-01', now, zone)).toBe('missing')
    expect(dayFault('custom', '2026-11-01', now, zone)).toBe('past')
    expect(dayFault('custom', '2026-11-30', now, zone)).toBeNull()
    expect(dayFault('day', '', now, zone)).toBeNull()
  })
})

describe('the list of tags', () => {
  const group: TagGroup = { id: 'g', kind: 'customer', name: '来源', position: 0, version: 1 }
  const tag = (name: string): Tag => ({ id: name, kind: 'customer', name, color: 'gray', group_id: null, position: 0, uses: null, version: 1 })
  const sections = [{ group: null, tags: [tag('回头客'), tag('VIP客户')] }, { group, tags: [tag('百度'), tag('抖音')] }]

  it('is searched by name, however it is written', () => {
    expect(choices(sections, ' vip').map((one) => one.tags.map((each) => each.name))).toEqual([['VIP客户']])
  })

  it('brings a whole group that is called by its name', () => {
    expect(choices(sections, '来源').map((one) => one.tags.map((each) => each.name))).toEqual([['百度', '抖音']])
  })

  it('knows a tag that is there already, so that no second one is made', () => {
    expect(foundExactly(sections, 'ｖｉｐ客户')).toBe(true)
    expect(foundExactly(sections, 'VIP')).toBe(false)
  })
})
