import type { CounterComparison, HealthLevel, HealthLine, SystemHealth } from '@qiatan/api'
import { isMessageKey, t, type MessageKey, type Params } from '../../i18n'
import { moment } from '../../ui/time'

/** One line of the page: a part, how it is, and what to do about it. */
export interface Told {
  name: string
  title: string
  level: HealthLevel
  says: string
  todo: string | null
}

const MOMENTS = new Set(['good_at', 'failed_at', 'sent_at'])
const SIZES = new Set(['bytes', 'free', 'total', 'size'])

const STEP = 1024
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** Disks and memory: larger things than files of a conversation. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log(bytes) / Math.log(STEP)), UNITS.length - 1)
  const value = bytes / STEP ** power
  return `${value < 10 && power > 0 ? Math.round(value * 10) / 10 : Math.round(value)} ${UNITS[power] ?? 'B'}`
}

/** A figure as a person reads it. */
function shown(name: string, value: unknown, zone: string): string | number {
  if (value === null || value === undefined) return t(MOMENTS.has(name) ? 'system.never' : 'system.unknown')
  if (MOMENTS.has(name)) return moment(String(value), zone)
  if (SIZES.has(name)) return bytesText(Number(value))
  return typeof value === 'number' ? Math.round(value * 10) / 10 : String(value)
}

function worded(key: string, otherwise: MessageKey, params: Params): string {
  return t(isMessageKey(key) ? key : otherwise, params)
}

/** What one part says of itself. A state that this page does not know is told by its level alone. */
export function told(line: HealthLine, operator: boolean, zone: string): Told {
  const title = worded(`system.line.${line.name}`, 'system.unknown', {})
  const base = { name: line.name, title, level: line.level }
  if (!operator) return { ...base, says: t(`system.plain.${line.level}`), todo: line.level === 'good' ? null : t('system.todo.contact') }
  const params = Object.fromEntries(Object.entries(line.facts ?? {}).map(([name, value]) => [name, shown(name, value, zone)]))
  const todo = `system.todo.${line.name}_${line.state}`
  return {
    ...base,
    says: worded(`system.say.${line.name}_${line.state}`, `system.plain.${line.level}`, params),
    todo: line.level === 'good' || !isMessageKey(todo) ? null : t(todo, params),
  }
}

/** How many counters of this enterprise are wrong. */
export function drifted(found: CounterComparison): number {
  return found.conversations + found.replies + found.audit
}

export function toldCounters(found: CounterComparison): Told {
  const count = drifted(found)
  return {
    name: 'counters',
    title: t('system.line.counters'),
    level: count === 0 ? 'good' : 'bad',
    says: count === 0 ? t('system.say.counters_fine') : t('system.say.counters_drifted', { count }),
    todo: count === 0 ? null : t('system.todo.counters_drifted'),
  }
}

/** Everything on the page as plain text, for who gives support. The server tells nothing secret, so there is none in it. */
export function report(health: SystemHealth, lines: readonly Told[]): string {
  const rows = [`${t('system.title')}  ${health.at}  ${health.version}`, '']
  for (const line of lines) {
    rows.push(`[${t(`system.level.${line.level}`)}] ${line.title}: ${line.says}`)
    if (line.todo !== null) rows.push(`    → ${line.todo}`)
  }
  for (const node of health.nodes) {
    rows.push('', `${node.machine} #${node.name}  ${node.version}  ${t(stateOf(node))}`)
    rows.push(`    ${t('system.node.since')} ${node.started_at}, ${t('system.node.cpu')} ${percent(node.cpu)}, ${t('system.node.memory')} ${memory(node.memory)}, `
      + `${t('system.node.agents')} ${node.agents ?? '–'}, ${t('system.node.visitors')} ${node.visitors ?? '–'}, ${t('system.node.lag')} ${node.lag ?? '–'}`)
  }
  return rows.join('\n')
}

export function stateOf(node: { alive: boolean; draining: boolean }): 'system.node.gone' | 'system.node.draining' | 'system.node.running' {
  if (!node.alive) return 'system.node.gone'
  return node.draining ? 'system.node.draining' : 'system.node.running'
}

export function percent(part: number | null): string {
  return part === null ? '–' : `${Math.round(part * 100)}%`
}

export function memory(bytes: number | null): string {
  return bytes === null ? '–' : bytesText(bytes)
}
