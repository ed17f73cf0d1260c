import type { Id } from '@qiatan/api'

/** Who can be called by name. */
export interface Colleague {
  id: Id
  name: string
}

/** At most this many in one note (docs/protocol.md). */
export const MAX_MENTIONS = 10
export const LONGEST_NAME = 30

/** The name that is being typed after an `@` before the caret; null where none is. */
export function mentionBefore(text: string, caret: number): { from: number; query: string } | null {
  const from = text.lastIndexOf('@', caret - 1)
  if (from < 0 || caret - from > LONGEST_NAME) return null
  // Within an address of mail the sign means something else.
  if (/[\w.]/.test(text[from - 1] ?? '')) return null
  const query = text.slice(from + 1, caret)
  return /[\s@]/.test(query) ? null : { from, query }
}

/** Those of `known` whose `@name` stands in the text; of two names the longer one is meant where it fits. */
export function mentioned(text: string, known: readonly Colleague[]): Colleague[] {
  return mentionParts(text, known).flatMap((part) => (part.colleague ? [part.colleague] : [])).filter((one, index, all) => all.findIndex(({ id }) => id === one.id) === index)
}

export interface MentionPart {
  text: string
  colleague: Colleague | null
}

/** The text cut where it calls somebody by name. */
export function mentionParts(text: string, known: readonly Colleague[]): MentionPart[] {
  const byLength = [...known].filter((one) => one.name !== '').sort((a, b) => b.name.length - a.name.length)
  const parts: MentionPart[] = []
  let plain = 0
  let at = text.indexOf('@')
  while (at >= 0) {
    const found = byLength.find((one) => text.startsWith(one.name, at + 1))
    if (found) {
      if (at > plain) parts.push({ text: text.slice(plain, at), colleague: null })
      plain = at + 1 + found.name.length
      parts.push({ text: text.slice(at, plain), colleague: found })
    }
    at = text.indexOf('@', Math.max(plain, at + 1))
  }
  if (plain < text.length || parts.length === 0) parts.push({ text: text.slice(plain), colleague: null })
  return parts
}
