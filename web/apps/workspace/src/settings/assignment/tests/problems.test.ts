// @vitest-environment jsdom
import { ApiError } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { distinct, faultsOf, missing, ofRule, refusedFaults, under, written } from '../problems'
import { rule, settings, visitor } from './make'

const rules = [rule('x'), rule('y')]

describe('what the server found', () => {
  it('belongs to the rule that was asked about, in the words of the code', () => {
    expect(faultsOf([{ field: 'rules.1.groups.0.conditions.2.values', code: 'bad_expression', message: 'at 3', blocking: true }], rules)).toEqual([
      { rule: 'y', path: 'groups.0.conditions.2.values', code: 'bad_expression', text: '正则表达式写错了', blocking: true },
    ])
  })

  it('is told in the server’s own words where the page has none', () => {
    expect(faultsOf([{ field: 'rules.0', code: 'brand_new', message: 'Look here.', blocking: false }], rules)[0]).toMatchObject({ rule: 'x', path: '', text: 'Look here.' })
  })

  it('belongs to the page where it names no rule that is there', () => {
    expect(faultsOf([{ field: 'rules.7.name', code: 'x', message: 'm', blocking: true }, { field: 'returning_days', code: 'x', message: 'm', blocking: true }], rules).map((one) => one.rule)).toEqual([null, null])
  })

  it('a refused save names its controls, whatever they are wrapped in', () => {
    const error = new ApiError({
      code: 'invalid_input', message: '', status: 422, requestId: 'r',
      fields: [{ field: 'body.settings.rules.0.groups.1.conditions.0.visitor.values.0', code: 'too_long', message: 'Shorter.' }],
    })
    expect(refusedFaults(error, rules)[0]).toMatchObject({ rule: 'x', path: 'groups.1.conditions.0.values.0', blocking: true })
    expect(refusedFaults(new Error('x'), rules)).toEqual([])
  })

  it('is found by where it stands', () => {
    const faults = faultsOf([
      { field: 'rules.0.groups.0.conditions.1.values', code: 'never_matches', message: '', blocking: false },
      { field: 'rules.0.groups.0.conditions.10', code: 'never_matches', message: '', blocking: false },
      { field: 'rules.0.group_ids.0', code: 'empty_group', message: '', blocking: false },
      { field: 'rules.0', code: 'shadowed', message: '', blocking: false },
    ], rules)
    expect(under(faults, 'groups.0.conditions.1')).toHaveLength(1)
    expect(ofRule(faults).map((one) => one.code)).toEqual(['shadowed'])
    expect(distinct([...faults, ...faults])).toHaveLength(4)
  })
})

describe('what is not written yet', () => {
  it('is nothing in a whole rule', () => {
    expect(missing(rule('x'))).toEqual([])
  })

  it('is named at its control', () => {
    const unfinished = rule('x', {
      name: ' ', agent_ids: [],
      groups: [{ match: 'all', conditions: [
        visitor({ values: [] }), visitor({ field: 'metadata', key: ' ' }), { kind: 'time', windows: [{ weekdays: [], start: '09:00', until: '18:00' }] },
        { kind: 'time', windows: [{ weekdays: [1], start: '25:00', until: '18:00' }] },
      ] }],
    })
    expect(missing(unfinished).map((one) => [one.path, one.code])).toEqual([
      ['name', 'missing_name'], ['groups.0.conditions.0.values', 'missing_values'], ['groups.0.conditions.1.key', 'missing_key'],
      ['groups.0.conditions.2.windows', 'missing_days'], ['groups.0.conditions.3.windows', 'missing_time'], ['targets', 'missing_targets'],
    ])
  })

  it('is left out of what is checked and tried', () => {
    expect(written(settings({ rules: [rule('x'), rule('y', { name: '' })] })).rules.map((one) => one.id)).toEqual(['x'])
  })
})
