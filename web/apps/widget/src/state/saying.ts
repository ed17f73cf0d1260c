import type { Said } from './bridge'

// It is given what it calls, and imports nothing: what it shared with the panel would be cut out of the panel's one file.
type Call = (method: string, path: string, body: unknown) => Promise<unknown>

const MOST = 20
/** With the values, what the server takes at once. */
const MOST_TAKEN_AWAY = 180
const LONGEST_TOKEN = 64
const LONGEST_TEXT = 500
const WAITS = [500, 1_500, 4_000]

interface Wish {
  agents: string[]
  groups: string[]
  fallback: 1 | 2 | 3
  source: 'page' | 'link'
}

type Given = Record<string, unknown>

function record(value: unknown): Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Given) : {}
}

/** A list, or one text with commas; what cannot be an id is left out. */
export function tokens(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : []
  const texts = list.filter((one) => typeof one === 'string').map((one) => one.trim())
  return [...new Set(texts)].filter((text) => text !== '' && text.length <= LONGEST_TOKEN).slice(0, MOST)
}

/** Whom the next conversation is for; null where the page names nobody and leaves the fallback as it is. */
export function wishOf(value: unknown, source: Wish['source']): Wish | null {
  const { agents, agent, groups, group, fallback } = record(value)
  const number = Number(fallback)
  const wish: Wish = {
    agents: tokens(agents ?? agent),
    groups: tokens(groups ?? group),
    fallback: number === 1 || number === 2 ? number : 3,
    source,
  }
  return wish.agents.length > 0 || wish.groups.length > 0 || wish.fallback !== 3 ? wish : null
}

/** What a page says of its visitor, as texts; longer ones are cut, empty ones say nothing. Null takes away what was said by that name, and needs no room. */
export function metadataOf(value: unknown): Record<string, string | null> {
  const texts = Object.entries(record(value)).flatMap(([name, one]) =>
    name && one !== undefined && one !== Object(one) ? [[name, one === null ? one : [...String(one)].slice(0, LONGEST_TEXT).join('')] as const] : [],
  )
  const gone = texts.filter(([, text]) => text === null)
  const kept = texts.filter(([, text]) => text?.trim())
  // the page's first removals have most likely been heard already
  return Object.fromEntries([...gone.slice(-MOST_TAKEN_AWAY), ...kept.slice(0, MOST)])
}

/** A site that says nonsense, or a server that is unwell for longer, does not keep the visitor from being heard. */
async function put(call: Call, path: string, body: unknown): Promise<void> {
  for (const wait of [...WAITS, null]) {
    try {
      await call('PUT', path, body)
      return
    } catch (error) {
      const { status } = error as { status?: number }
      if (status === undefined) throw error
      const passing = status === 0 || status === 429 || status >= 500
      if (!passing || wait === null) return
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}

/** Tells the server what the page, or the chat link, says of this visitor. */
export async function say(said: Said, link: boolean, call: Call): Promise<void> {
  const wish = link ? wishOf(Object.fromEntries(new URLSearchParams(location.search)), 'link') : wishOf(said.assign, 'page')
  const values = metadataOf(said.metadata)
  await Promise.all([
    wish ? put(call, '/widget/wish', wish) : undefined,
    Object.keys(values).length > 0 ? put(call, '/widget/metadata', { values }) : undefined,
  ])
}
