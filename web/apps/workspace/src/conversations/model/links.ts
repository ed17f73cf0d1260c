/** Text cut into plain parts and web addresses, so that an address can be opened without any of the text becoming markup. */

export interface TextPart {
  text: string
  href: string | null
}

const ADDRESS = /https?:\/\/[^\s<>"'「」『』（）《》，。；：！？、]+/gi
/** Punctuation that ends a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}*_~]+$/
const MAX_LINKS = 50

export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(ADDRESS)) {
    const shown = unglued(match[0]).replace(TRAILING, '')
    const href = safeHref(shown)
    if (href === null) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index), href: null })
    parts.push({ text: shown, href })
    from = match.index + shown.length
    if (parts.length > MAX_LINKS * 2) break
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from), href: null })
  return parts
}

/**
 * The address without the sentence behind it: Chinese sets no blank between them. What follows a letter or digit is that sentence, once the
 * name of the site is whole; behind a slash or an equals sign it belongs to the address.
 */
function unglued(address: string): string {
  const end = /[a-z0-9](?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])/iu.exec(address)
  const before = end ? address.slice(0, end.index + 1) : address
  return /^https?:\/\/[^/?#]*\.[a-z]{2,}(?:$|[:/?#])/i.test(before) ? before : address
}

/** The address if a browser may open it from here: http or https, without a name or password that would disguise the host. */
export function safeHref(address: string): string | null {
  if (!URL.canParse(address)) return null
  const url = new URL(address)
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
  return isWeb && url.username === '' && url.password === '' ? url.href : null
}
