import type { Id, Instant, Step, Trial, TrialCase } from '@qiatan/api'
import { clockTime, dayKey } from '../../conversations/model/time'
import { t } from '../../i18n'
import { targetName } from '../../ui/trace/words'

/** What the form of a supposed visitor holds; '' is unknown. */
export interface Supposed {
  region: string
  landing: string
  keyword: string
  language: string
  device: '' | 'desktop' | 'phone' | 'tablet' | 'bot'
  channel: Id
  /** `2026-11-22T14:10` in the enterprise's time zone; '' is now. */
  at: string
  before: boolean
  lastAgent: Id
  /** `a:` or `g:` and the id of whom the page names. */
  wish: string
  fallback: '1' | '2' | '3'
}

export function nobodyYet(): Supposed {
  return { region: '', landing: '', keyword: '', language: '', device: '', channel: '', at: '', before: false, lastAgent: '', wish: '', fallback: '3' }
}

const MINUTE_MS = 60_000

/** The moment of a local date and time in the zone; one that a clock change skips is read as the next that exists. Null for what is no date. */
export function instantOf(local: string, zone: string): Instant | null {
  const wanted = Date.parse(`${local}:00Z`)
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(local) || Number.isNaN(wanted)) return null
  const shownAt = (moment: number): number => Date.parse(`${localOf(moment, zone)}:00Z`)
  let moment = wanted
  // The offset is what the zone shows minus what was asked for; twice, because the first guess may lie on the other side of a clock change.
  for (let round = 0; round < 2; round += 1) moment -= shownAt(moment) - wanted
  if (shownAt(moment) < wanted) moment += 60 * MINUTE_MS
  return new Date(moment).toISOString()
}

/** A moment as the form writes it, in the zone. */
export function localOf(moment: number, zone: string): string {
  return `${dayKey(moment, zone)}T${clockTime(new Date(moment).toISOString(), zone)}`
}

function orNull(text: string): string | null {
  return text.trim() === '' ? null : text.trim()
}

/** What is asked of the server. A path alone is a page of no matter which site. */
export function caseOf(form: Supposed, zone: string): TrialCase {
  const [kind, id] = [form.wish.slice(0, 1), form.wish.slice(2)]
  return {
    landing_page: orNull(form.landing),
    current_page: orNull(form.landing),
    region: orNull(form.region),
    search_keyword: orNull(form.keyword),
    language: orNull(form.language),
    device: form.device === '' ? null : form.device,
    channel_id: orNull(form.channel),
    at: form.at === '' ? null : instantOf(form.at, zone),
    last_agent_id: form.before ? orNull(form.lastAgent) : null,
    wish: id === '' ? null : { agents: kind === 'a' ? [id] : [], groups: kind === 'g' ? [id] : [], fallback: Number(form.fallback) as 1 | 2 | 3, source: 'page' },
  }
}

/** Of regions just chosen in a list that takes many, the one that is new: a visitor is in one place. */
export function oneRegion(before: string, next: readonly string[]): string {
  const added = next.filter((code) => code !== before)
  return added.length === 1 ? (added[0] ?? '') : next.includes(before) && added.length === 0 ? before : ''
}

/** The layer that settled it; what follows (the queue) only carries it out. */
function deciding(trial: Trial): Step | undefined {
  return trial.steps.find((one) => one.verdict === 'chose' || one.verdict === 'ended')
}

export function resultTitle(trial: Trial): string {
  const step = deciding(trial)
  switch (trial.outcome) {
    case 'assigned': return t('assignment.trial.assigned', { name: trial.agent_name ?? t('assignment.trace.unnamed') })
    case 'queued': return t('assignment.trial.queued', { target: targetName(trial.target ?? step?.target) })
    case 'message': return t('assignment.trial.message')
    default: return t('assignment.trial.kept')
  }
}

/** By which layer, rule and base rule it came to that. */
export function resultDetail(trial: Trial): string {
  const step = deciding(trial)
  if (!step) return ''
  const parts: string[] = []
  if (step.target?.kind === 'group' && trial.outcome === 'assigned') parts.push(targetName(step.target))
  parts.push(step.rule ? t('assignment.trial.byRule', { rule: step.rule }) : t(`assignment.layer.${step.layer}`))
  if (step.base_rule && trial.outcome === 'assigned') parts.push(t(`assignment.base.${step.base_rule}`))
  return parts.join(t('assignment.trial.join'))
}
