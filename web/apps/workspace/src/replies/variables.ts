import type { RichDocument, RichSpan } from '@qiatan/live'
import { mapSpans } from '../ui/editor/document'

/** F01: names between double braces, and no logic. Filled where the reply is sent from. */
export const VARIABLES = ['customer.name', 'agent.name', 'page.title', 'page.url', 'enterprise.name'] as const
export type Variable = (typeof VARIABLES)[number]
export type Values = Readonly<Record<Variable, string>>

const HOLE = /\{\{\s*([\w.]+)\s*\}\}/g

function isVariable(name: string): name is Variable {
  return (VARIABLES as readonly string[]).includes(name)
}

/** Names in it that nobody knows: they are refused when an entry is saved. */
export function unknownIn(document: RichDocument): string[] {
  const found = new Set<string>()
  mapSpans(document, (spans) => {
    for (const [, name = ''] of joined(spans).matchAll(HOLE)) if (!isVariable(name)) found.add(name)
    return [...spans]
  })
  return [...found]
}

export interface Filled {
  document: RichDocument
  /** What is named in it and not known of this conversation; its place is left as it was. */
  missing: Variable[]
}

/** Puts what is known into its place. A name may be drawn in several forms ({{cus**tomer**.name}}): the first one's form stays. */
export function fill(document: RichDocument, values: Values): Filled {
  const missing = new Set<Variable>()
  const filled = mapSpans(document, (spans) => fillSpans(spans, values, missing))
  return { document: filled, missing: VARIABLES.filter((name) => missing.has(name)) }
}

export function fillText(text: string, values: Values): { text: string; missing: Variable[] } {
  const missing = new Set<Variable>()
  const filled = fillSpans([{ text }], values, missing)
  return { text: filled.map((span) => span.text).join(''), missing: VARIABLES.filter((name) => missing.has(name)) }
}

function joined(spans: readonly RichSpan[]): string {
  return spans.map((span) => span.text).join('')
}

function fillSpans(spans: readonly RichSpan[], values: Values, missing: Set<Variable>): RichSpan[] {
  const whole = joined(spans)
  const holes: { from: number; to: number; value: string }[] = []
  for (const match of whole.matchAll(HOLE)) {
    const name = match[1] ?? ''
    if (!isVariable(name)) continue
    if (values[name] === '') missing.add(name)
    else holes.push({ from: match.index, to: match.index + match[0].length, value: values[name] })
  }
  if (holes.length === 0) return [...spans]
  let start = 0
  const result: RichSpan[] = []
  for (const span of spans) {
    const end = start + span.text.length
    let text = ''
    let at = start
    for (const hole of holes) {
      if (hole.to <= at || hole.from >= end) continue
      if (hole.from >= at) text += whole.slice(at, hole.from) + hole.value
      at = Math.min(hole.to, end)
    }
    text += whole.slice(at, end)
    if (text !== '') result.push({ ...span, text })
    start = end
  }
  return result
}
