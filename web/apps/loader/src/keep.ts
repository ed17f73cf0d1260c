/** name → [value, time of writing]; a null value marks what was removed, until the other tabs have heard of it. */
export type Kept = Record<string, [value: string | null, at: number]>

/** UTF-16 units, so 200 kB. */
const MOST = 100_000
const REMOVED_FOR = 60_000

/** Only what has the shape of an entry: the page's own scripts can write here too. */
function clean(value: unknown): Kept {
  return Object.fromEntries(
    Object.entries(value ?? {}).filter(([, entry]) => Array.isArray(entry) && (entry[0] === null || typeof entry[0] === 'string') && typeof entry[1] === 'number'),
  ) as Kept
}

function parse(text: string | null): Kept {
  try {
    return clean(JSON.parse(text ?? '{}'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return {}
  }
}

/**
 * The loader's one entry in the page's own storage: whether a conversation is going on, and, where the browser refuses storage to the panel's
 * frame, what the panel would have kept there (docs/decisions/0008). Several tabs write into it: of each name the newest wins.
 */
export function keeper(slot: string, onOther: (kept: Kept) => void): { read: () => Kept | null; write: (changes: unknown, begin: boolean) => void } {
  window.addEventListener('storage', ({ key, newValue }) => {
    if (key === slot && newValue) onOther(parse(newValue))
  })
  /** A refusal by the browser, and only that, is answered with null. */
  const allowed = <T>(use: () => T): T | null => {
    try {
      return use()
    } catch (error) {
      // where storage is off altogether, some browsers have null in its place
      if (!(error instanceof DOMException) && !(error instanceof TypeError)) throw error
      return null
    }
  }
  const read = (): Kept | null => allowed(() => parse(localStorage.getItem(slot)))
  return {
    read,
    write: (changes, begin) => {
      const kept = read()
      if (!kept || !(begin || Object.keys(kept).length)) return
      for (const [name, entry] of Object.entries(clean(changes))) {
        if (!kept[name] || kept[name][1] <= entry[1]) kept[name] = entry
      }
      const lasting = Object.entries(kept).filter(([, [value, at]]) => value !== null || at > Date.now() - REMOVED_FOR)
      const text = JSON.stringify(Object.fromEntries(lasting))
      if (text.length <= MOST) allowed(() => localStorage.setItem(slot, text))
    },
  }
}
