/** The longest word behind a `#` that is looked for. */
const MOST = 30

/**
 * The `#` word that ends at the caret, or null (F39: at the start of a word). Behind Latin letters, digits and the marks of an address it
 * is part of that; Chinese sets no blank before it, so there it begins a word.
 */
export function queryAt(text: string, caret: number): { query: string; from: number; to: number } | null {
  const found = /(^|[^\w/&?=.#%+~:-])[#＃]([^\s#＃]*)$/.exec(text.slice(0, caret))
  if (!found) return null
  const query = found[2] ?? ''
  if ([...query].length > MOST) return null
  return { query, from: caret - query.length - 1, to: caret }
}
