// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { standing, targetSections, targetsOf, targetValues } from '../choices'
import { copyRule, fullOrder, MAX_NAME, moved, newRule, tidy, unsavedText } from '../rules'
import { agent, rule, settings, visitor } from './make'

describe('moving', () => {
  it('puts one to a place and keeps the order of the others', () => {
    expect([moved([1, 2, 3, 4], 0, 2), moved([1, 2, 3, 4], 3, 0), moved([1, 2], 0, 2), moved([1, 2], -1, 0)]).toEqual([[2, 3, 1, 4], [4, 1, 2, 3], [1, 2], [1, 2]])
  })

  it('loses and doubles nobody', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer()), fc.integer({ min: -2, max: 12 }), fc.integer({ min: -2, max: 12 }), (list, from, to) => {
      expect([...moved(list, from, to)].sort()).toEqual([...list].sort())
    }))
  })
})

describe('the order of agents', () => {
  it('has the saved ones first, who is gone left out, new ones last by the time they came', () => {
    const all = [agent('new', { created_at: '2026-03-01T00:00:00Z' }), agent('b'), agent('older', { created_at: '2026-02-01T00:00:00Z' }), agent('a')]
    expect(fullOrder(['b', 'gone', 'a', 'b'], all).map((one) => one.id)).toEqual(['b', 'a', 'older', 'new'])
  })
})

describe('rules', () => {
  it('a new one has a name nobody else has, one condition, and an id of its own', () => {
    const first = newRule([])
    const second = newRule([rule('x', { name: '新规则 2' })])
    expect([first.name, second.name, first.groups.length, first.groups[0]?.conditions.length]).toEqual(['新规则 1', '新规则 3', 1, 1])
    expect(first.id).not.toBe(second.id)
  })

  it('a copy shares nothing with its original and is off', () => {
    const original = rule('x', { name: '长'.repeat(MAX_NAME) })
    const copy = copyRule(original)
    copy.groups[0]?.conditions.push(visitor())
    expect([original.groups[0]?.conditions.length, copy.enabled, [...copy.name].length, copy.id === original.id]).toEqual([1, false, MAX_NAME, false])
  })

  it('are sent without blanks around names and keys', () => {
    const draft = settings({ rules: [rule('x', { name: ' 华南 ', groups: [{ match: 'all', conditions: [visitor({ field: 'metadata', key: ' source ' })] }] })] })
    const sent = tidy(draft)
    expect([sent.rules[0]?.name, sent.rules[0]?.groups[0]?.conditions[0]]).toEqual(['华南', visitor({ field: 'metadata', key: 'source' })])
    expect(draft.rules[0]?.name).toBe(' 华南 ')
  })
})

describe('what is not saved, in words', () => {
  const before = settings({ rules: [rule('x', { name: '华南' }), rule('y', { name: '英文' })] })
  it.each([
    [settings({ ...before, rules: [rule('x', { name: '华南', enabled: false }), before.rules[1]!] }), '修改「华南」，尚未保存'],
    [settings({ ...before, rules: [before.rules[1]!] }), '删除「华南」，尚未保存'],
    [settings({ ...before, rules: [...before.rules, rule('z', { name: '新' })] }), '新增「新」，尚未保存'],
    [settings({ ...before, rules: [...before.rules].reverse() }), '调整了规则的先后，尚未保存'],
    [settings({ ...before, rules: [] }), '改了 2 条规则，尚未保存'],
    [settings({ ...before, base_rule: 'random' }), '改了基础规则，尚未保存'],
    [settings({ ...before, returning_days: 30 }), '改了回头客，尚未保存'],
    [settings({ ...before, order: ['a'] }), '调整了客服排序，尚未保存'],
    [settings({ ...before, order: ['a'], rules: [] }), '改了 2 处，尚未保存'],
  ])('%#', (now, words) => {
    expect(unsavedText(before, now)).toBe(words)
  })
})

describe('targets', () => {
  it('go to values and back', () => {
    const target = { agent_ids: ['a1', 'a2'], group_ids: ['g1'] }
    expect(targetsOf(targetValues(target))).toEqual(target)
  })

  it('whoever is not connected is offline, whatever they chose', () => {
    expect([standing({ agent_id: 'a', status: 'online', connected: false, open: 0, maximum: 5 }), standing(null)]).toEqual(['offline', 'offline'])
  })

  it('are shown with how many they are and how they stand', () => {
    const here = { agent_id: 'a', status: 'online', connected: true, open: 2, maximum: 5 } as const
    const [groups, agents] = targetSections([{ id: 'g', name: '售后组', member_ids: ['a', 'b'], version: 1 }], [agent('a'), agent('b', { enabled: false }), agent('c', { pending: true })], (id) => (id === 'a' ? here : null))
    expect(groups?.items).toEqual([{ value: 'g:g', text: '售后组', note: '2 人', detail: '1/2 在线' }])
    expect(agents?.items).toEqual([{ value: 'a:a', text: 'a', dot: 'on', detail: '在线 2/5' }, { value: 'a:b', text: 'b', detail: '已停用', off: true }])
  })
})
