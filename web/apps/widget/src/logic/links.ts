export interface Segment {
  text: string
  /** Set where the text is an address that is safe to follow. */
  href: string | null
}

// stops at white space, at quotes and brackets of any script, and at full-width punctuation, which Chinese text sets right behind an address
const ADDRESS = /(?:https?:\/\/|mailto:|www\.)[^\s<>"'`“”‘’「」『』【】《》（）。，、；：！？\u202a-\u202e\u2066-\u2069]+|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+/gi
const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** Splits text into plain parts and links; only http, https and mailto become links, and text stays text. */
export function linkify(text: string): Segment[] {
  const segments: Segment[] = []
  let end = 0
  for (const match of text.matchAll(ADDRESS)) {
    const found = trimEnd(unglued(match[0]))
    const href = hrefOf(found)
    if (!href) continue
    if (match.index > end) segments.push({ text: text.slice(end, match.index), href: null })
    segments.push({ text: found, href })
    end = match.index + found.length
  }
  if (end < text.length) segments.push({ text: text.slice(end), href: null })
  return segments
}

/** Chinese sets no blank behind an address: once the site's name is whole, what follows a letter or digit of it is the sentence again. */
function unglued(address: string): string {
  const end = /[a-z0-9](?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])/iu.exec(address)
  const before = end ? address.slice(0, end.index + 1) : address
  return /^(?:https?:\/\/)?[^/?#]*\.[a-z]{2,}(?:$|[:/?#])/i.test(before) ? before : address
}

/** A full stop or a closing bracket that was never opened belongs to the sentence. */
function trimEnd(address: string): string {
  let result = address.replace(/[.,;:!?]+$/, '')
  while (result.endsWith(')') && result.split('(').length < result.split(')').length) result = result.slice(0, -1)
  return result
}

function hrefOf(address: string): string | null {
  const full = /^(https?:|mailto:)/i.test(address) ? address : address.includes('@') ? `mailto:${address}` : `https://${address}`
  try {
    const url = new URL(full)
    if (!SCHEMES.has(url.protocol)) return null
    return url.protocol === 'mailto:' || url.hostname.includes('.') || url.hostname === 'localhost' ? url.href : null
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
