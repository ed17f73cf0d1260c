import type { AdvancedRule, AssignmentSettings } from '@qiatan/api'
import { uuidv7 } from '@qiatan/live'
import { t } from '../../i18n'
import { newGroup } from './conditions'

export const MAX_RULES = 200
export const MAX_NAME = 60
export const MAX_TARGETS = 100
export const MIN_DAYS = 1
export const MAX_DAYS = 3_650
export const BASE_RULES = ['rotate', 'priority', 'load', 'fill_up', 'random'] as const
export const OTHERWISE = ['continue', 'queue', 'message'] as const

function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

export function newRule(rules: readonly AdvancedRule[]): AdvancedRule {
  const taken = new Set(rules.map((one) => one.name))
  let n = rules.length + 1
  while (taken.has(t('assignment.rules.newName', { n }))) n += 1
  return { id: uuidv7(), name: t('assignment.rules.newName', { n }), enabled: true, match: 'all', groups: [newGroup()], agent_ids: [], group_ids: [], otherwise: 'continue' }
}

/** The same rule once more, switched off: of two alike the second can never be reached. */
export function copyRule(rule: AdvancedRule): AdvancedRule {
  const name = t('assignment.rules.copyName', { name: rule.name })
  return { ...copyOf(rule), id: uuidv7(), name: [...name].slice(0, MAX_NAME).join(''), enabled: false }
}

/** The list with what stands at `from` put to `to`; both are places in the list. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list]
  if (from < 0 || from >= next.length || to < 0 || to >= next.length) return next
  next.splice(to, 0, ...next.splice(from, 1))
  return next
}

/** All agents as they are asked: those of the saved order that are still there, then the others by the time they came. */
export function fullOrder<T extends { id: string; created_at: string }>(order: readonly string[], agents: readonly T[]): T[] {
  const byId = new Map(agents.map((one) => [one.id, one]))
  const known = [...new Set(order)].flatMap((id) => byId.get(id) ?? [])
  const placed = new Set(known.map((one) => one.id))
  const rest = agents.filter((one) => !placed.has(one.id))
  return [...known, ...rest.sort((a, b) => a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id))]
}

/** What the server will read: names and texts without blanks around them. */
export function tidy(settings: AssignmentSettings): AssignmentSettings {
  const out = copyOf(settings)
  for (const rule of out.rules) {
    rule.name = rule.name.trim()
    for (const group of rule.groups) {
      for (const condition of group.conditions) {
        if (condition.kind === 'visitor' && typeof condition.key === 'string') condition.key = condition.key.trim()
      }
    }
  }
  return out
}

/** What differs, in one sentence for the save bar. */
export function unsavedText(before: AssignmentSettings, now: AssignmentSettings): string {
  const parts: string[] = []
  const rules = rulesText(before.rules, now.rules)
  if (rules !== null) parts.push(rules)
  if (before.returning !== now.returning || before.returning_days !== now.returning_days) parts.push(t('assignment.unsaved.returning'))
  if (before.base_rule !== now.base_rule) parts.push(t('assignment.unsaved.base'))
  if (JSON.stringify(before.order) !== JSON.stringify(now.order)) parts.push(t('assignment.unsaved.agents'))
  return parts.length === 1 ? (parts[0] ?? '') : t('assignment.unsaved.several', { count: parts.length })
}

function rulesText(before: readonly AdvancedRule[], now: readonly AdvancedRule[]): string | null {
  const old = new Map(before.map((one) => [one.id, one]))
  const ids = new Set(now.map((one) => one.id))
  const added = now.filter((one) => !old.has(one.id))
  const gone = before.filter((one) => !ids.has(one.id))
  const changed = now.filter((one) => old.has(one.id) && JSON.stringify(old.get(one.id)) !== JSON.stringify(one))
  const count = added.length + gone.length + changed.length
  if (count > 1) return t('assignment.unsaved.many', { count })
  if (added[0]) return t('assignment.unsaved.added', { name: added[0].name })
  if (gone[0]) return t('assignment.unsaved.gone', { name: gone[0].name })
  if (changed[0]) return t('assignment.unsaved.one', { name: changed[0].name })
  return before.some((one, at) => one.id !== now[at]?.id) ? t('assignment.unsaved.order') : null
}
