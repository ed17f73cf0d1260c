import { safeHref } from './links'

/** What to look at before an address is opened; `host` is the site as it is truly called. */
export interface Destination {
  /** Exactly what is opened: letters of other scripts written out, so that nothing looks like something else. */
  href: string
  host: string
  /** The last parts of the name, which alone say whose site it is. */
  site: string
  warnings: Warning[]
}

export type Warning = 'insecure' | 'punycode' | 'mixed' | 'bidi' | 'ip' | 'port' | 'long' | 'deep'

const LONG = 300
const DEEP = 5
const BIDI = /[\u061C\u200B-\u200F\u202A-\u202E\u2066-\u2069\uFEFF]|%E2%80%(?:8[B-F]|A[A-E])|%E2%81%A[6-9]|%D8%9C|%EF%BB%BF/i

/** Looks at an address that somebody else wrote, as it stood in their message. Null: it must not be opened from here at all. */
export function destinationOf(raw: string): Destination | null {
  const href = safeHref(raw.trim())
  if (href === null) return null
  const url = new URL(href)
  const warnings: Warning[] = []
  if (BIDI.test(raw)) warnings.push('bidi')
  if (url.hostname.split('.').some((label) => label.startsWith('xn--'))) warnings.push(isMixed(raw) ? 'mixed' : 'punycode')
  if (/^\d+(\.\d+){3}$/.test(url.hostname) || url.hostname.startsWith('[')) warnings.push('ip')
  else if (url.hostname.split('.').length >= DEEP) warnings.push('deep')
  if (url.port !== '') warnings.push('port')
  if (url.protocol === 'http:') warnings.push('insecure')
  if (href.length > LONG) warnings.push('long')
  return { href, host: url.hostname, site: siteOf(url.hostname), warnings }
}

/** Whether one part of the name, as it was written, has letters of several scripts that are used to look like one another. */
function isMixed(raw: string): boolean {
  const host = decoded(/^https?:\/\/([^/?#]*)/i.exec(raw.trim())?.[1] ?? '')
  return host.split('.').some((label) => {
    const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u]
    return scripts.filter((script) => script.test(label)).length > 1
  })
}

/** Browsers write letters of other scripts with percent signs behind a #. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}

/** Endings under which anybody can have a name. Not the whole list: where one is missing, one part too few stands out. */
const SHARED = new Set(['com.cn', 'net.cn', 'org.cn', 'gov.cn', 'edu.cn', 'co.uk', 'com.hk', 'com.tw', 'com.sg', 'com.au', 'co.jp', 'co.kr', 'github.io', 'pages.dev', 'vercel.app'])

function siteOf(host: string): string {
  const labels = host.split('.')
  if (host.startsWith('[') || labels.every((label) => /^\d+$/.test(label))) return host
  return labels.slice(SHARED.has(labels.slice(-2).join('.')) ? -3 : -2).join('.')
}
