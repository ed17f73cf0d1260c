export type Params = Record<string, string | number>

/** A part that stands as it is, or the name of what is filled in. */
type Part = string | { readonly name: string }

const HOLE = /\{(?:'([^']*)'|(\w+))\}/g
const FORMS = ' | '

/** A text taken apart once: its plural forms, each with its parts. */
export type Text = readonly (readonly Part[])[]

/** `{name}` is filled in, `{'…'}` stands for what is quoted, ` | ` parts plural forms. */
export function takenApart(text: string): Text {
  return text.split(FORMS).map(parts)
}

function parts(text: string): Part[] {
  const found: Part[] = []
  let from = 0
  for (const hole of text.matchAll(HOLE)) {
    if (hole.index > from) found.push(text.slice(from, hole.index))
    const [whole, quoted, name] = hole
    found.push(name === undefined ? quoted ?? '' : { name })
    from = hole.index + whole.length
  }
  if (from < text.length) found.push(text.slice(from))
  return found
}

/** The text with everything filled in; what nothing is given for is left out. A number `count` chooses the form. */
export function filledIn(text: Text, params: Params): string {
  const { count } = params
  const form = text[formOf(text.length, typeof count === 'number' ? Math.abs(count) : 1)] ?? []
  let filled = ''
  for (const part of form) filled += typeof part === 'string' ? part : params[part.name] ?? ''
  return filled
}

/** Two forms are one and several, nothing being several; three are none, one, several. */
function formOf(forms: number, count: number): number {
  if (forms === 1) return 0
  return forms === 2 ? Number(count !== 1) : Math.min(Math.trunc(count), forms - 1)
}
