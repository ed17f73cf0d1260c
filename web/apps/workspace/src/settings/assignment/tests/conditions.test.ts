// @vitest-environment jsdom
import type { ConditionField } from '@qiatan/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setLocale } from '../../../i18n'
import {
  clockOf, conditionText, controlOf, daysText, FIELDS, newCondition, operatorsOf, ruleText, windowText, withField, withOperator,
} from '../conditions'
import { visitor } from './make'

const names = { channel: (id: string) => (id === 'c1' ? '松间小店' : '已删除') }
beforeEach(() => setLocale('zh-CN'))
afterEach(() => setLocale('zh-CN'))

describe('what fits a field', () => {
  it('a new condition of each field has an operator that fits it and nothing written yet', () => {
    for (const field of FIELDS) {
      const made = newCondition(field)
      if (made.kind === 'time') expect(made.windows).toHaveLength(1)
      else expect([operatorsOf(made.field).includes(made.operator), made.values]).toEqual([true, []])
    }
  })

  it('regions, channels and devices are chosen, the rest is written', () => {
    const control = (field: ConditionField) => controlOf({ field, operator: operatorsOf(field)[0] ?? 'contains' })
    expect([control('region'), control('channel'), control('device'), control('language'), control('customer_tag')]).toEqual(['regions', 'channels', 'devices', 'text', 'text'])
  })

  it('an operator that came from elsewhere stays in the list', () => {
    expect(operatorsOf('region', 'starts_with')).toEqual(['in', 'starts_with'])
    expect(operatorsOf('region', 'in')).toEqual(['in'])
  })

  it('another field keeps what is written in the same way, and drops what is not', () => {
    expect(withField(visitor({ values: ['/a'] }), 'current_page')).toEqual({ kind: 'visitor', field: 'current_page', operator: 'contains', values: ['/a'] })
    expect(withField(visitor({ values: ['/a'] }), 'region')).toEqual({ kind: 'visitor', field: 'region', operator: 'in', values: [] })
    expect(withField(visitor(), 'time').kind).toBe('time')
    expect(withField(visitor(), 'metadata')).toEqual({ kind: 'visitor', field: 'metadata', operator: 'contains', values: ['/order'], key: '' })
  })

  it('an operator that is written otherwise empties the values', () => {
    expect(withOperator(visitor(), 'matches').values).toEqual(['/order'])
    expect(withOperator(visitor({ field: 'region', operator: 'in', values: ['CN/广东省'] }), 'starts_with').values).toEqual([])
  })
})

describe('words', () => {
  it('writes runs of three days and more as spans', async () => {
    expect([daysText([1, 2, 3, 4, 5, 6, 7]), daysText([6, 1, 2, 3, 4, 5]), daysText([1, 2, 4]), daysText([1, 3, 4, 5])]).toEqual(['每天', '周一至周六', '周一、周二、周四', '周一、周三至周五'])
    await setLocale('en')
    expect([daysText([1, 2, 3, 4, 5]), daysText([6, 7])]).toEqual(['Mon to Fri', 'Sat, Sun'])
  })

  it('says when a window reaches into the next day', () => {
    expect(windowText({ weekdays: [5], start: '22:00', until: '06:00' })).toBe('周五 22:00–次日 06:00')
    expect(windowText({ weekdays: [5], start: '22:00', until: '24:00' })).toBe('周五 22:00–24:00')
  })

  it('names values, counts many, and says so where there are none', () => {
    expect(conditionText(visitor({ field: 'region', operator: 'in', values: ['CN/广东省', 'CN/广西'] }), names)).toBe('IP 地区属于 广东省、广西')
    expect(conditionText(visitor({ field: 'channel', operator: 'in', values: ['c1', 'c2'] }), names)).toBe('渠道属于 松间小店、已删除')
    expect(conditionText(visitor({ values: ['a', 'b', 'c', 'd'] }), names)).toBe('落地页包含 4 项之一')
    expect(conditionText(visitor({ values: [] }), names)).toBe('落地页包含 还没有内容')
    expect(conditionText(visitor({ field: 'metadata', operator: 'equals', key: 'source', values: ['x'] }), names)).toBe('网站信息「source」等于 x')
  })

  it('joins conditions, and keeps groups of several together', () => {
    const [a, b, c] = [visitor({ values: ['/a'] }), visitor({ values: ['/b'] }), visitor({ field: 'device', operator: 'in', values: ['phone'] })]
    expect(ruleText({ match: 'all', groups: [{ match: 'any', conditions: [a, b] }] }, names)).toBe('落地页包含 /a，或落地页包含 /b')
    expect(ruleText({ match: 'all', groups: [{ match: 'any', conditions: [a, b] }, { match: 'all', conditions: [c] }] }, names)).toBe('（落地页包含 /a，或落地页包含 /b），且设备属于 手机')
  })
})

describe('times that are typed', () => {
  it.each([['9', '09:00'], ['9:5', '09:05'], ['09:30', '09:30'], ['9：30', '09:30'], [' 24:00 ', '24:00'], ['noon', 'noon'], ['', '']])('%s becomes %s', (typed, written) => {
    expect(clockOf(typed)).toBe(written)
  })
})
