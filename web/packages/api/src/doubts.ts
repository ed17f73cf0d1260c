/** Whoever asks for the same thing later than this wants it once more. */
const REPEATED_WITHIN_MS = 10 * 60_000
const MOST = 50

interface Doubt {
  key: string
  since: number
}

/**
 * New things of which nobody knows whether they were made: the line broke, or no answer came. Whoever asks for the very same again gets the
 * key it had before, so that the server makes it once (`Idempotency-Key`).
 */
export class Doubts {
  private readonly known = new Map<string, Doubt>()

  /** The key of a thing that is about to be asked for; `wish` is all that it is made of. */
  keyOf(wish: string): string {
    const before = this.known.get(wish)
    const now = Date.now()
    this.known.delete(wish)
    const doubt = before && now - before.since < REPEATED_WITHIN_MS ? before : { key: newKey(), since: now }
    this.known.set(wish, doubt)
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MOST) break
      this.known.delete(oldest)
    }
    return doubt.key
  }

  /** The server has said what became of it. */
  settle(wish: string): void {
    this.known.delete(wish)
  }
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
