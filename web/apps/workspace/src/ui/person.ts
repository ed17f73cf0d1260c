import type { AgentStatus } from '@qiatan/api'

const TINTS = 6

/** 1 … 6, always the same for the same id. Tints tell people apart and mean nothing else. */
export function tintOf(id: string): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0
  return (hash % TINTS) + 1
}

/**
 * The letter that stands for a person, whole even if it is made of several code points. A customer is known by the first one; of an
 * agent's Chinese name the last one is shown, because colleagues often share the family name that comes first.
 */
export function letterOf(name: string, kind: 'agent' | 'customer'): string {
  const letters = lettersOf(name.trim())
  const last = letters.at(-1)
  if (kind === 'agent' && last !== undefined && /\p{Script=Han}/u.test(last)) return last
  return letters[0]?.toLocaleUpperCase() ?? '?'
}

/** Every character of these is a letter of its own: Latin, and Han. Loading what knows about all others takes longer than drawing a list. */
const PLAIN = /^[\u0020-\u00ff\u3400-\u9fff]*$/
let segmenter: Intl.Segmenter | null = null

function lettersOf(name: string): string[] {
  if (PLAIN.test(name)) return [...name]
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return [...segmenter.segment(name)].map((one) => one.segment)
}

/** How a status is drawn: a full dot, one with a bar (busy), a ring (away), a grey dot (offline). */
export function dotOf(status: AgentStatus | null | undefined): 'on' | 'bz' | 'hd' | '' {
  if (status === 'online') return 'on'
  if (status === 'busy') return 'bz'
  return status === 'away' ? 'hd' : ''
}
