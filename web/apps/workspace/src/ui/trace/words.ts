import type { CandidateNote, Layer, Step, Target } from '@qiatan/api'
import { isMessageKey, t, tn } from '../../i18n'

/** The five layers (F21) as they are counted; what stands around them has no number. */
export const LAYERS: readonly Layer[] = ['specified', 'sticky', 'advanced', 'returning', 'base']

const MOST_FAILED = 5

export interface ShownStep {
  key: string
  /** What the mark says: chose, had nobody or did not apply, never reached. */
  mark: 'hit' | 'skip' | 'unreached'
  number: number | null
  title: string
  lines: { text: string; strong: boolean }[]
  candidates: ShownCandidate[]
  more: string | null
}

export interface ShownCandidate {
  key: string
  name: string
  text: string
  kind: 'yes' | 'could' | 'no'
}

export function targetName(target: Target | null | undefined): string {
  if (!target || target.kind === 'enterprise') return t('assignment.trace.everybody')
  return target.name ?? t(target.kind === 'group' ? 'assignment.trace.goneGroup' : 'assignment.trace.goneAgent')
}

function serves(note: CandidateNote): string {
  return `${note.open}/${note.maximum}`
}

/** What is said of one agent who was looked at. */
export function candidateText(note: CandidateNote, step: Pick<Step, 'base_rule'>): string {
  switch (note.why) {
    case 'chosen': {
      const figure = note.figure ?? 0
      if (step.base_rule === 'fill_up') return t('assignment.trace.chosen.fill_up', { serves: serves(note), count: figure })
      return step.base_rule ? t(`assignment.trace.chosen.${step.base_rule}`, { serves: serves(note) }) : serves(note)
    }
    case 'less_suited':
      return step.base_rule === 'fill_up' && note.figure !== null && note.figure !== undefined
        ? t('assignment.trace.received', { serves: serves(note), count: note.figure })
        : serves(note)
    case 'full':
      return t('assignment.trace.full', { serves: serves(note) })
    case 'none_allowed':
    case 'away':
    case 'busy':
    case 'offline':
    case 'excluded':
    case 'closed':
    case 'unknown':
      return t(`assignment.trace.why.${note.why}`)
    default:
      return serves(note)
  }
}

function candidate(note: CandidateNote, index: number, step: Step): ShownCandidate {
  return {
    key: `${note.agent_id ?? ''}${index}`,
    name: note.name || t('assignment.trace.unnamed'),
    text: candidateText(note, step),
    kind: note.why === 'chosen' ? 'yes' : note.why === 'less_suited' ? 'could' : 'no',
  }
}

/** The words of a reason; a newer server's reason is told by what the layer said. */
function reasonText(step: Step, agentName: string | null): string {
  const target = step.target ? targetName(step.target) : (agentName ?? t('assignment.trace.everybody'))
  const params = { rule: step.rule ?? '', target, agent: agentName ?? '' }
  const key = `assignment.trace.reason.${step.reason}`
  return isMessageKey(key) ? t(key, params) : t(`assignment.trace.said.${step.verdict}`, params)
}

function failedLines(step: Step): { text: string; strong: boolean }[] {
  const named = step.failed.slice(0, MOST_FAILED).map((rule) => ({ text: t('assignment.trace.ruleFailed', { rule }), strong: false }))
  const left = step.failed.length - named.length
  return left > 0 ? [...named, { text: tn('assignment.trace.moreFailed', left), strong: false }] : named
}

function shown(step: Step, index: number, agentName: string | null): ShownStep {
  const number = LAYERS.indexOf(step.layer)
  const hit = step.verdict === 'chose' || step.verdict === 'ended'
  return {
    key: `${step.layer}${index}`,
    mark: hit ? 'hit' : 'skip',
    number: number < 0 ? null : number + 1,
    title: t(`assignment.layer.${step.layer}`),
    lines: [...failedLines(step), { text: reasonText(step, agentName), strong: hit }],
    candidates: step.candidates.map((note, at) => candidate(note, at, step)),
    more: step.more > 0 ? tn('assignment.trace.more', step.more) : null,
  }
}

function unreached(layer: Layer, after: string): ShownStep {
  return {
    key: `${layer}-unreached`,
    mark: 'unreached',
    number: LAYERS.indexOf(layer) + 1,
    title: t(`assignment.layer.${layer}`),
    lines: [{ text: t('assignment.trace.unreached', { layer: after }), strong: false }],
    candidates: [],
    more: null,
  }
}

/** A trace as it is read: what was asked in its order, then the layers nobody needed to ask any more. What did not apply around the layers is left out. */
export function shownSteps(steps: readonly Step[], agentName: string | null): ShownStep[] {
  const told = steps.filter((step) => step.verdict !== 'skipped' || LAYERS.includes(step.layer))
  const list = told.map((step, index) => shown(step, index, agentName))
  const deciding = told.find((step) => step.verdict === 'chose' || step.verdict === 'ended')
  const at = deciding ? LAYERS.indexOf(deciding.layer) : -1
  if (!deciding || at < 0) return list
  const asked = new Set(told.map((step) => step.layer))
  const rest = LAYERS.slice(at + 1).filter((layer) => !asked.has(layer))
  const last = told.findLastIndex((step) => LAYERS.includes(step.layer)) + 1
  return [...list.slice(0, last), ...rest.map((layer) => unreached(layer, t(`assignment.layer.${deciding.layer}`))), ...list.slice(last)]
}
