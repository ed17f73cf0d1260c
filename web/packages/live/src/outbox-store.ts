import type { KeyValueStorage } from './storage'
import type { SentFile, UploadedFile } from './frames'
import type { RichDocument } from './rich'
import { uuidv7 } from './ids'

/** What of an unsent message outlives the page. */
export interface StoredEntry {
  client_message_id: string
  conversation_id: string | null
  kind: 'text' | 'picture' | 'rich' | 'file'
  text: string | null
  document?: RichDocument | null
  name: string | null
  file: UploadedFile | SentFile | null
  /** A file's bytes; not there for other kinds. */
  size?: number
  /** An upload that was begun, to go on with. */
  upload_id?: string | null
  /** Not there in what an older page kept. */
  reply_to?: number | null
  failed: string | null
  created_at: number
  owner: string
}

const LEASE = 20_000

/**
 * Unsent messages in shared storage, one key each so that two tabs never overwrite each other's. A tab sends what it owns; what a tab left
 * behind (closed, crashed) is taken over by the next one that looks. That two tabs may send the same entry for a moment does no
 * harm: the server answers the second with the first one's result.
 */
export class OutboxStore {
  private readonly tab = uuidv7()
  private readonly entryPrefix: string
  private readonly tabPrefix: string

  constructor(
    private readonly storage: KeyValueStorage,
    scope: string,
  ) {
    this.entryPrefix = `qiatan.outbox.${scope}.`
    this.tabPrefix = `qiatan.tab.${scope}.`
  }

  /** Says that this tab is alive. Call it more often than every 20 s while it owns entries. */
  renew(now: number): void {
    this.storage.setItem(this.tabPrefix + this.tab, String(now))
  }

  /** Leaves this tab's entries to others, at once. */
  release(): void {
    this.storage.removeItem(this.tabPrefix + this.tab)
  }

  isOwn(entry: { owner: string }): boolean {
    return entry.owner === this.tab
  }

  /** Whether a storage event speaks of this outbox. */
  concerns(key: string | null): boolean {
    return key === null || key.startsWith(this.entryPrefix) || key.startsWith(this.tabPrefix)
  }

  claim(entry: Omit<StoredEntry, 'owner'>): StoredEntry {
    return { ...entry, owner: this.tab }
  }

  save(entry: StoredEntry): void {
    this.storage.setItem(this.entryPrefix + entry.client_message_id, JSON.stringify(entry))
  }

  remove(id: string): void {
    this.storage.removeItem(this.entryPrefix + id)
  }

  has(id: string): boolean {
    return this.storage.getItem(this.entryPrefix + id) !== null
  }

  /** All entries, oldest first; those without a living owner become this tab's. */
  load(now: number): StoredEntry[] {
    const entries: StoredEntry[] = []
    for (const key of this.storage.keys()) {
      if (key.startsWith(this.tabPrefix)) this.sweep(key, now)
      if (!key.startsWith(this.entryPrefix)) continue
      const entry = parse(this.storage.getItem(key))
      if (!entry) {
        this.storage.removeItem(key)
        continue
      }
      if (!this.isOwn(entry) && !this.isAlive(entry.owner, now)) {
        entry.owner = this.tab
        this.save(entry)
      }
      entries.push(entry)
    }
    return entries.sort((a, b) => (a.client_message_id < b.client_message_id ? -1 : 1))
  }

  private isAlive(tab: string, now: number): boolean {
    const seen = Number(this.storage.getItem(this.tabPrefix + tab))
    return seen > 0 && Math.abs(now - seen) < LEASE
  }

  private sweep(key: string, now: number): void {
    if (Math.abs(now - Number(this.storage.getItem(key))) > LEASE * 10) this.storage.removeItem(key)
  }
}

function parse(value: string | null): StoredEntry | null {
  if (value === null) return null
  try {
    const entry = JSON.parse(value) as StoredEntry
    const known =
      [entry.client_message_id, entry.owner].every((value) => typeof value === 'string') &&
      [entry.text, entry.name, entry.failed, entry.conversation_id].every((value) => value === null || typeof value === 'string') &&
      (entry.kind === 'text' || entry.kind === 'picture' || entry.kind === 'file' || (entry.kind === 'rich' && Array.isArray(entry.document?.blocks))) &&
      Number.isFinite(entry.created_at)
    return known ? entry : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
