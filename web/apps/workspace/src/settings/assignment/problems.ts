import type { AdvancedRule, AssignmentSettings, Problem } from '@qiatan/api'
import { ApiError } from '@qiatan/api'
import { isMessageKey, t } from '../../i18n'

/** Something at one place of a rule (`rule` is its id, `path` what follows: `groups.0.conditions.1.values`), or of the page (`rule` null). */
export interface Fault {
  rule: string | null
  path: string
  code: string
  text: string
  blocking: boolean
}

/** Faults of `path` and of what lies in it. */
export function under(faults: readonly Fault[], path: string): Fault[] {
  return faults.filter((one) => one.path === path || one.path.startsWith(`${path}.`))
}

/** Faults the editor has no control of its own for. */
export function ofRule(faults: readonly Fault[]): Fault[] {
  return faults.filter((one) => !/^(name$|groups\.\d+\.conditions\.\d+|agent_ids|group_ids|targets)/.test(one.path))
}

/** A server's path without what it is wrapped in: the body, the settings, and the kind of a condition. */
function plain(field: string): string {
  return field.replace(/^body\./, '').replace(/^settings\./, '').replace(/(conditions\.\d+)\.(?:visitor|time)(?=\.|$)/g, '$1')
}

function locate(field: string, rules: readonly Pick<AdvancedRule, 'id'>[]): { rule: string | null; path: string } {
  const path = plain(field)
  const found = /^rules\.(\d+)(?:\.(.*))?$/.exec(path)
  const rule = found ? rules[Number(found[1])] : undefined
  return found && rule ? { rule: rule.id, path: found[2] ?? '' } : { rule: null, path }
}

/** What the server found, at the rules it was asked about: those may have moved on meanwhile, so they are known by id from here on. */
export function faultsOf(problems: readonly Problem[], rules: readonly Pick<AdvancedRule, 'id'>[]): Fault[] {
  return problems.map(({ field, code, message, blocking }) => {
    const key = `assignment.problem.${code}`
    return { ...locate(field, rules), code, text: isMessageKey(key) ? t(key) : message, blocking }
  })
}

/** The fields of a refused save, at their controls. */
export function refusedFaults(error: unknown, rules: readonly Pick<AdvancedRule, 'id'>[]): Fault[] {
  if (!(error instanceof ApiError)) return []
  return error.fields.map(({ field, code, message }) => {
    const [own, general] = [`assignment.problem.${code}`, `errors.field_${code}`]
    return { ...locate(field, rules), code, text: isMessageKey(own) ? t(own) : isMessageKey(general) ? t(general) : message, blocking: true }
  })
}

function fault(rule: AdvancedRule, path: string, code: 'missing_name' | 'missing_values' | 'missing_key' | 'missing_days' | 'missing_time' | 'missing_targets'): Fault {
  return { rule: rule.id, path, code, text: t(`assignment.problem.${code}`), blocking: true }
}

const CLOCK = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/

/** What is not written yet; whoever is still writing is told when they save, not before. */
export function missing(rule: AdvancedRule): Fault[] {
  const out: Fault[] = []
  if (rule.name.trim() === '') out.push(fault(rule, 'name', 'missing_name'))
  rule.groups.forEach((group, g) => group.conditions.forEach((condition, c) => {
    const path = `groups.${g}.conditions.${c}`
    if (condition.kind === 'time') {
      if (condition.windows.some((one) => one.weekdays.length === 0)) out.push(fault(rule, `${path}.windows`, 'missing_days'))
      else if (condition.windows.some((one) => !CLOCK.test(one.start) || !CLOCK.test(one.until))) out.push(fault(rule, `${path}.windows`, 'missing_time'))
      return
    }
    if (condition.field === 'metadata' && (condition.key ?? '').trim() === '') out.push(fault(rule, `${path}.key`, 'missing_key'))
    if (condition.values.length === 0) out.push(fault(rule, `${path}.values`, 'missing_values'))
  }))
  if (rule.agent_ids.length === 0 && rule.group_ids.length === 0) out.push(fault(rule, 'targets', 'missing_targets'))
  return out
}

/** The settings with whole rules only: what can be checked and tried while others are being written. */
export function written(settings: AssignmentSettings): AssignmentSettings {
  return { ...settings, rules: settings.rules.filter((rule) => missing(rule).length === 0) }
}

/** One fault a place and code, so that what the page and the server both found is said once. */
export function distinct(faults: readonly Fault[]): Fault[] {
  const seen = new Set<string>()
  return faults.filter((one) => {
    const key = `${one.rule ?? ''}|${one.path}|${one.text}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
