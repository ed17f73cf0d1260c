const TINTS = 6

/** 1 … 6, always the same for the same id. Tints tell people apart and mean nothing else. */
export function tintOf(id: string): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0
  return (hash % TINTS) + 1
}

/** The first letter of a name, whole even if it is made of several code points. */
export function letterOf(name: string): string {
  const first = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(name.trim())[Symbol.iterator]().next()
  return first.done ? '?' : first.value.segment.toLocaleUpperCase()
}
