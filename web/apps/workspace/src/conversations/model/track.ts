import type { ConversationContext, Visit } from './types'

export type VisitPage = ConversationContext['pages'][number]

/** The server names at most this many. */
const MOST = 30

/** The pages of a stay, newest first, with the one the customer has gone to now. Another stay begins anew. */
export function walked(known: Pick<ConversationContext, 'visit' | 'pages'>, visit: Visit): VisitPage[] {
  const pages = known.visit?.id === visit.id ? known.pages : []
  const { page_url: url, page_title: title } = visit
  if (url === null) return [...pages]
  const [last, ...rest] = pages
  if (last?.url === url) return [{ ...last, title }, ...rest]
  return [{ url, title, at: visit.last_seen_at }, ...pages].slice(0, MOST)
}

export interface Step {
  key: string
  url: string
  /** How the page is called, or its address where it has no name. */
  name: string
  /** Where it stands on its site; empty where its address is its name. */
  path: string
  at: string
  /** How long they stayed; null on the page they went to last. */
  seconds: number | null
  /** Whether the conversation began here. */
  talked: boolean
}

/** The track as it is shown, newest first; `began`: when the conversation did. */
export function stepsOf(pages: readonly VisitPage[], began: string): Step[] {
  return pages.map(({ url, title, at }, index) => {
    const next = pages[index - 1]
    const name = title?.trim() ?? ''
    return {
      key: `${at} ${index - pages.length}`,
      url,
      name: name === '' ? readable(url) : name,
      path: name === '' ? '' : readable(url).replace(/^[^/?#]*/, ''),
      at,
      seconds: next ? Math.round((Date.parse(next.at) - Date.parse(at)) / 1_000) : null,
      talked: at <= began && (next === undefined || began < next.at),
    }
  })
}

/** An address as people read it; a link keeps the exact one. */
export function readable(address: string): string {
  try {
    return decodeURI(address).replace(/^https?:\/\//, '')
  } catch (error) {
    if (error instanceof URIError) return address
    throw error
  }
}
