import type { KeyValueStorage } from '@qiatan/live'
import type { Kept, recall, tell } from './bridge'

/** A loader that does not answer is one of an older release, or the frame stands in a page without ours. */
const ANSWER_WITHIN = 2_000

type Entry = Kept[string]

/** What comes from the shop's page is a stranger's: only what has the shape of an entry of ours counts. */
function ours(kept: Kept): Map<string, Entry> {
  const entries = Object.entries(kept).filter(
    ([name, entry]) =>
      name.startsWith('qiatan.') && Array.isArray(entry) && (entry[0] === null || typeof entry[0] === 'string') && Number.isFinite(entry[1]),
  )
  return new Map(entries)
}

/**
 * Stands in for `localStorage` where the browser refuses it to this frame: the loader keeps the values in the page's own storage. They are all
 * here as well, so that reading waits for nobody, and outlast a page's refusal to keep more. What other tabs write is told as `storage` events,
 * as the browser does. Two tabs writing at the same moment may take each other's values away: each puts its own back.
 */
export class HostStorage implements KeyValueStorage {
  private readonly values: Map<string, Entry>
  private readonly own = new Set<string>()

  constructor(
    kept: Kept,
    private readonly keep: (changes: Kept) => void,
  ) {
    this.values = ours(kept)
  }

  getItem(name: string): string | null {
    return this.values.get(name)?.[0] ?? null
  }

  setItem(name: string, value: string): void {
    this.write(name, value)
  }

  removeItem(name: string): void {
    if (this.getItem(name) !== null) this.write(name, null)
  }

  keys(): string[] {
    return [...this.values.keys()].filter((name) => this.getItem(name) !== null)
  }

  /** Another tab of the visitor has written: this is everything that is kept now. */
  take(kept: Kept): void {
    const heard = ours(kept)
    const lost: Kept = {}
    const changed = new Set<string>()
    for (const [name, entry] of this.values) {
      const there = heard.get(name)
      if (there ? there[1] < entry[1] : this.own.has(name) && entry[0] !== null) {
        lost[name] = entry
      } else if (!there) {
        this.values.delete(name)
        this.own.delete(name)
        if (entry[0] !== null) changed.add(name)
      }
    }
    for (const [name, entry] of heard) {
      const here = this.values.get(name)
      if (here && here[1] >= entry[1]) continue
      this.values.set(name, entry)
      this.own.delete(name)
      if (here?.[0] !== entry[0]) changed.add(name)
    }
    if (Object.keys(lost).length > 0) this.keep(lost)
    for (const key of changed) window.dispatchEvent(new StorageEvent('storage', { key }))
  }

  private write(name: string, value: string | null): void {
    // later than what it replaces, also when the clock steps back
    const entry: Entry = [value, Math.max(Date.now(), (this.values.get(name)?.[1] ?? 0) + 1)]
    this.values.set(name, entry)
    this.own.add(name)
    this.keep({ [name]: entry })
  }
}

/** Asks the loader, by the bridge's two calls. Null: the page around keeps nothing either. */
export function connect(ask: typeof recall, say: typeof tell): Promise<HostStorage | null> {
  return new Promise((resolve) => {
    let found: HostStorage | null = null
    const patience = setTimeout(() => resolve(null), ANSWER_WITHIN)
    ask((kept) => {
      clearTimeout(patience)
      if (found && kept) found.take(kept)
      else resolve((found = kept && new HostStorage(kept, (values) => say({ type: 'keep', values }))))
    })
  })
}
