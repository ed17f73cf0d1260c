/** Drafts: what an agent wrote and did not send, kept in the browser per conversation, for thirty days at most. */

const PREFIX = 'qiatan.draft.'
const KEEP_MS = 30 * 86_400_000
const MAX_DRAFTS = 200

export interface StoredDraft {
  text: string
  /** When it was written, in milliseconds of the server's clock. */
  at: number
  /** The server has it, so that it is gone where the server knows it no longer. */
  synced: boolean
}

export class Drafts {
  constructor(
    private readonly storage: Storage,
    private readonly agentId: string,
    private readonly now: () => number = Date.now,
  ) {}

  read(conversationId: string): string {
    return this.#parse(this.storage.getItem(this.#key(conversationId)))?.text ?? ''
  }

  /** Keeps the text; an empty one removes the draft. Returns false when the browser refused to keep it (storage full or closed). */
  write(conversationId: string, text: string, at = this.now(), synced = false): boolean {
    const key = this.#key(conversationId)
    if (text.trim() === '') {
      this.storage.removeItem(key)
      return true
    }
    try {
      this.storage.setItem(key, JSON.stringify({ text, at, synced } satisfies StoredDraft))
      return true
    } catch (error) {
      if (error instanceof DOMException) return false
      throw error
    }
  }

  /** All drafts of this agent by conversation. Removes the outdated and, beyond the limit, the oldest. */
  all(): Map<string, StoredDraft> {
    const prefix = this.#key('')
    const found: { id: string; draft: StoredDraft }[] = []
    for (const key of Object.keys(this.storage)) {
      if (!key.startsWith(prefix)) continue
      const draft = this.#parse(this.storage.getItem(key))
      if (draft && this.now() - draft.at < KEEP_MS) found.push({ id: key.slice(prefix.length), draft })
      else this.storage.removeItem(key)
    }
    found.sort((a, b) => b.draft.at - a.draft.at)
    for (const { id } of found.splice(MAX_DRAFTS)) this.storage.removeItem(this.#key(id))
    return new Map(found.map(({ id, draft }) => [id, draft]))
  }

  #key(conversationId: string): string {
    return `${PREFIX}${this.agentId}.${conversationId}`
  }

  #parse(raw: string | null): StoredDraft | null {
    if (raw === null) return null
    try {
      const value: unknown = JSON.parse(raw)
      if (typeof value !== 'object' || value === null) return null
      const { text, at, synced } = value as Partial<StoredDraft>
      return typeof text === 'string' && typeof at === 'number' ? { text, at, synced: synced === true } : null
    } catch (error) {
      // A value another program wrote under this key is no draft.
      if (error instanceof SyntaxError) return null
      throw error
    }
  }
}
