/** A found text in parts: what was searched for, and what stands around it. */
export interface FoundPart {
  text: string
  hit: boolean
}

/** The text cut where the searched words stand, no matter upper or lower case. The words are text, never a pattern. */
export function markedParts(text: string, query: string): FoundPart[] {
  const words = query.trim()
  if (words === '') return [{ text, hit: false }]
  const folded = text.toLowerCase()
  const wanted = words.toLowerCase()
  // Some letters change their length in lower case: then the places would not fit, and nothing is marked.
  if (folded.length !== text.length) return [{ text, hit: false }]
  const parts: FoundPart[] = []
  let from = 0
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: text.slice(from, at), hit: false })
    from = at + wanted.length
    parts.push({ text: text.slice(at, from), hit: true })
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from), hit: false })
  return parts
}

/** So much is left before the place: the column is narrow, and what was searched for must be seen. */
const BEFORE = 8

/** The text from shortly before the first place on. */
export function nearHit(text: string, query: string): string {
  const at = text.toLowerCase().indexOf(query.trim().toLowerCase())
  return at > BEFORE + 1 ? `…${text.slice(at - BEFORE)}` : text
}
