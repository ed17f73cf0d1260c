import type { Condition, ConditionField, ConditionGroup, Operator, TimeWindow, VisitorCondition } from '@qiatan/api'
import { currentLocale, t } from '../../i18n'
import { regionPath } from '../../ui/regions'

/** What a condition can look at, in the order of the list. */
export type FieldName = ConditionField | 'time'
export const FIELDS: readonly FieldName[] = [
  'landing_page', 'current_page', 'search_keyword', 'search_engine', 'region', 'channel', 'device', 'language', 'customer_tag', 'metadata', 'time',
]

export const MAX_CONDITIONS = 20
export const MAX_GROUPS = 5
export const MAX_VALUES = 50
export const MAX_VALUE = 500
export const MAX_KEY = 60
export const MAX_WINDOWS = 20
export const DEVICES = ['desktop', 'phone', 'tablet', 'bot'] as const

/** With what the values of a field are written. */
export type Control = 'text' | 'regions' | 'channels' | 'devices'

const TEXT_OPERATORS: readonly Operator[] = ['contains', 'equals', 'starts_with', 'matches']
const OPERATORS: Readonly<Partial<Record<ConditionField, readonly Operator[]>>> = {
  region: ['in'],
  channel: ['in'],
  device: ['in'],
  language: ['in', 'starts_with', 'matches'],
  customer_tag: ['in', 'contains', 'starts_with', 'matches'],
  search_engine: ['in', 'contains', 'matches'],
}

/** What fits the field; one that came from elsewhere is kept, so that nothing is changed by opening a rule. */
export function operatorsOf(field: ConditionField, present?: Operator): readonly Operator[] {
  const fitting = OPERATORS[field] ?? TEXT_OPERATORS
  return present === undefined || fitting.includes(present) ? fitting : [...fitting, present]
}

export function controlOf(condition: Pick<VisitorCondition, 'field' | 'operator'>): Control {
  if (condition.operator !== 'in' && condition.operator !== 'equals') return 'text'
  if (condition.field === 'region') return condition.operator === 'in' ? 'regions' : 'text'
  return condition.field === 'channel' ? 'channels' : condition.field === 'device' ? 'devices' : 'text'
}

export function fieldOf(condition: Condition): FieldName {
  return condition.kind === 'time' ? 'time' : condition.field
}

export function newWindow(): TimeWindow {
  return { weekdays: [1, 2, 3, 4, 5], start: '09:00', until: '18:00' }
}

export function newCondition(field: FieldName = 'landing_page'): Condition {
  if (field === 'time') return { kind: 'time', windows: [newWindow()] }
  const operator = operatorsOf(field)[0] ?? 'contains'
  return { kind: 'visitor', field, operator, values: [], ...(field === 'metadata' ? { key: '' } : {}) }
}

export function newGroup(): ConditionGroup {
  return { match: 'all', conditions: [newCondition()] }
}

/** The condition with another field. What was written stays where it is written the same way. */
export function withField(condition: Condition, field: FieldName): Condition {
  const next = newCondition(field)
  if (condition.kind === 'time' || next.kind === 'time') return next
  if (operatorsOf(next.field).includes(condition.operator)) next.operator = condition.operator
  if (controlOf(condition) === controlOf(next)) next.values = [...condition.values]
  return next
}

export function withOperator(condition: VisitorCondition, operator: Operator): VisitorCondition {
  const next = { ...condition, operator }
  return controlOf(condition) === controlOf(next) ? next : { ...next, values: [] }
}

/** A Monday, in the middle of its day everywhere. */
const MONDAY = Date.UTC(2024, 0, 1, 12)
const DAY_MS = 86_400_000

/** Short name of an ISO weekday: 周一, Mon. */
export function dayShort(day: number, locale: string = currentLocale()): string {
  return new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' }).format(MONDAY + (day - 1) * DAY_MS)
}

/** 每天, 周一至周五, 周一、周三. Three days or more in a row are written as a span. */
export function daysText(weekdays: readonly number[]): string {
  const days = [...new Set(weekdays)].sort((a, b) => a - b)
  if (days.length === 7) return t('assignment.window.everyDay')
  const parts: string[] = []
  for (let at = 0; at < days.length;) {
    let end = at
    while (end + 1 < days.length && (days[end + 1] ?? 0) === (days[end] ?? 0) + 1) end += 1
    const run = days.slice(at, end + 1)
    const [first, last] = [run[0] ?? 1, run.at(-1) ?? 1]
    if (run.length >= 3) parts.push(t('assignment.window.span', { first: dayShort(first), last: dayShort(last) }))
    else parts.push(...run.map((day) => dayShort(day)))
    at = end + 1
  }
  return parts.join(t('assignment.summary.join'))
}

export function windowText(window: TimeWindow): string {
  const key = window.until < window.start ? 'assignment.window.nextDay' : 'assignment.window.text'
  return t(key, { days: daysText(window.weekdays), start: window.start, until: window.until })
}

/** Who knows names: channels are kept by their ids. */
export interface Names {
  channel: (id: string) => string
}

export function valueName(condition: VisitorCondition, value: string, names: Names): string {
  switch (controlOf(condition)) {
    case 'regions': return regionPath(value, currentLocale())
    case 'channels': return names.channel(value)
    case 'devices': return deviceName(value)
    default: return value
  }
}

export function deviceName(value: string): string {
  const known = DEVICES.find((one) => one === value)
  return known ? t(`assignment.device.${known}`) : value
}

const MOST_NAMED = 3

export function conditionText(condition: Condition, names: Names): string {
  if (condition.kind === 'time') {
    return t('assignment.summary.time', { values: condition.windows.map(windowText).join(t('assignment.summary.join')) })
  }
  const { values, field, operator } = condition
  const words = values.length === 0
    ? t('assignment.summary.nothing')
    : values.length > MOST_NAMED
      ? t('assignment.summary.count', { count: values.length })
      : values.map((value) => valueName(condition, value, names)).join(t('assignment.summary.join'))
  const label = t(`assignment.field.${field}`)
  return t('assignment.summary.condition', {
    field: field === 'metadata' ? t('assignment.summary.metadata', { field: label, key: condition.key ?? '' }) : label,
    operator: t(`assignment.operator.${operator}`),
    values: words,
  })
}

function join(texts: readonly string[], match: 'all' | 'any'): string {
  return texts.join(t(match === 'all' ? 'assignment.summary.all' : 'assignment.summary.any'))
}

/** The conditions of a rule in one line of words. */
export function ruleText(rule: { match: 'all' | 'any'; groups: readonly ConditionGroup[] }, names: Names): string {
  const groups = rule.groups.map((group) => {
    const text = join(group.conditions.map((one) => conditionText(one, names)), group.match)
    return rule.groups.length > 1 && group.conditions.length > 1 ? t('assignment.summary.group', { text }) : text
  })
  return join(groups, rule.match)
}

/** What was typed as a time, written as the server reads it: `9` and `9:5` become `09:00` and `09:05`. Anything else stays for the reader to see. */
export function clockOf(typed: string): string {
  const found = /^\s*(\d{1,2})(?:[:：.](\d{1,2}))?\s*$/.exec(typed)
  return found ? `${(found[1] ?? '').padStart(2, '0')}:${(found[2] ?? '0').padStart(2, '0')}` : typed.trim()
}
