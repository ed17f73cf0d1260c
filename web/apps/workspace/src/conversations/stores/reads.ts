import type { Id } from '@qiatan/api'
import { watch } from 'vue'
import { live, onFrame } from '../../live'
import { view } from '../../view'

/** What was told this long before a heartbeat is answered was told before it was asked for: the line was whole then. */
const PROVEN_AFTER_MS = 30_000

interface Mark {
  seq: number
  at: number
}

/**
 * Tells the server how far the agent has read. A line may die with what it was given, and nobody answers a read mark: the newest of each
 * conversation is told once more on the next line, until a heartbeat shows that the one it was told on was whole.
 */
export class Reads {
  private readonly unsure = new Map<Id, Mark>()

  /** `told`: hears of each mark that was handed to a line. */
  constructor(private readonly told: (of: Id, seq: number) => void) {
    watch(live.state, (state) => { if (state === 'open') this.again() })
    // An empty digest comes unasked, and answers nothing.
    onFrame('pong', ({ digest }) => { if (digest !== '') this.forgetProven() })
  }

  /** Without a line it is told as soon as there is one. */
  tell(of: Id, seq: number): void {
    // Whoever looks as a colleague reads nothing in their place.
    if (view.active.value) return
    this.hand(of, Math.max(seq, this.unsure.get(of)?.seq ?? 0))
  }

  reset(): void {
    this.unsure.clear()
  }

  private again(): void {
    for (const [of, { seq }] of [...this.unsure]) this.hand(of, seq)
  }

  private hand(of: Id, seq: number): void {
    this.unsure.set(of, { seq, at: Date.now() })
    if (live.send({ type: 'read', conversation_id: of, seq })) this.told(of, seq)
  }

  private forgetProven(): void {
    const proven = Date.now() - PROVEN_AFTER_MS
    for (const [of, { at }] of [...this.unsure]) if (at <= proven) this.unsure.delete(of)
  }
}
