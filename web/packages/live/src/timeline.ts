import type { Message, MessagePage } from './frames'
import { isEdit, isWithdrawal } from './frames'
import { Backoff } from './backoff'

/** The highest `before_seq` the server takes; above every real one, so that it also asks for the newest page. */
const MOST_SEQ = 2_000_000_000

export interface PageQuery {
  after_seq?: number
  before_seq?: number
  limit: number
}

export interface TimelineOptions {
  conversationId: string
  fetch: (query: PageQuery) => Promise<MessagePage>
  onChange?: () => void
  /** A fetch that failed and will be tried again. */
  onError?: (error: unknown) => void
  pageSize?: number
  /** How long a gap may last before what is missing is fetched (protocol.md section 5, rule 2). */
  gapDelay?: number
  /** More missing messages than this are not fetched one page after the other: the timeline begins again at the newest page. */
  maxCatchUp?: number
}

/**
 * The messages of one conversation, from `base + 1` on without a gap. Whatever lies beyond a gap is held back until the gap is filled, so that
 * everybody sees the same order; frames and pages may come in any order and any number of times.
 */
export class Timeline {
  readonly conversationId: string
  private readonly messages = new Map<number, Message>()
  private readonly withdrawn = new Set<number>()
  private readonly clientIds = new Set<string>()
  /** The newest edit of each edited message: its own seq, and what it says. */
  private readonly edits = new Map<number, { by: number; text: string }>()
  private readonly pageSize: number
  private readonly gapDelay: number
  private readonly maxCatchUp: number
  private readonly backoff = new Backoff(1000, 30_000)
  /** Everything above is shown; null until the first page or the conversation's first message is here. */
  private base: number | null = null
  private top = 0
  private known = 0
  private cache: readonly Message[] | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private filling = false
  private disposed = false
  private opening: Promise<void> | null = null
  private earlier: Promise<void> | null = null

  constructor(private readonly options: TimelineOptions) {
    this.conversationId = options.conversationId
    this.pageSize = options.pageSize ?? 50
    this.gapDelay = options.gapDelay ?? 300
    this.maxCatchUp = options.maxCatchUp ?? 500
  }

  /** The highest seq that is known to exist. */
  get head(): number {
    return this.known
  }

  /** The highest seq up to which everything shown is here. */
  get last(): number {
    return this.base === null ? 0 : this.top
  }

  /** How many seqs are shown, those that only change others among them. */
  get length(): number {
    return this.base === null ? 0 : this.top - this.base
  }

  get hasEarlier(): boolean {
    return this.base !== null && this.base > 0
  }

  get isOpen(): boolean {
    return this.base !== null
  }

  /** What is to be shown, in order of seq; withdrawals and edits are left out, as they only change the message they point at. */
  get items(): readonly Message[] {
    if (this.cache) return this.cache
    const items: Message[] = []
    if (this.base !== null) {
      for (let seq = this.base + 1; seq <= this.top; seq++) {
        const message = this.messages.get(seq)
        if (message && message.kind !== 'withdrawal' && message.kind !== 'edit') items.push(message)
      }
    }
    this.cache = items
    return items
  }

  has(clientMessageId: string): boolean {
    return this.clientIds.has(clientMessageId)
  }

  /** Loads the newest page once; a later call returns at once. Rejects when the fetch does: call it again. */
  open(head?: number): Promise<void> {
    if (head !== undefined) this.setHead(head)
    if (this.base !== null) return Promise.resolve()
    this.opening ??= this.loadNewest().finally(() => {
      this.opening = null
    })
    return this.opening
  }

  setHead(head: number): void {
    if (head <= this.known) return
    this.known = head
    this.watchGap()
  }

  apply(messages: readonly Message[]): void {
    let changed = false
    for (const message of messages) changed = this.take(message) || changed
    if (this.base === null && this.messages.has(1)) this.base = 0
    if (!changed) return
    this.settle()
  }

  /** Loads the page above what is shown. */
  loadEarlier(): Promise<void> {
    if (!this.hasEarlier) return Promise.resolve()
    this.earlier ??= this.loadAbove().finally(() => {
      this.earlier = null
    })
    return this.earlier
  }

  /**
   * Forgets all but the newest `keep` seqs of what is shown: who scrolls up has them fetched again. Answers whether there was anything to forget.
   * Without it a conversation that is open all day would grow without end, and every message would cost more than the one before.
   */
  trim(keep: number): boolean {
    if (this.base === null || this.top - this.base <= keep) return false
    this.base = this.top - keep
    for (const [seq, { client_message_id: clientId }] of this.messages) {
      if (seq > this.base) continue
      this.messages.delete(seq)
      if (clientId) this.clientIds.delete(clientId)
    }
    // What is fetched again comes as it is by then.
    for (const seq of this.withdrawn) if (seq <= this.base) this.withdrawn.delete(seq)
    for (const seq of this.edits.keys()) if (seq <= this.base) this.edits.delete(seq)
    this.cache = null
    this.options.onChange?.()
    return true
  }

  /** What stands at `seq`, if it is here. */
  at(seq: number): Message | null {
    return this.messages.get(seq) ?? null
  }

  /** Loads pages above what is shown until `seq` is among it. Answers whether it is. */
  async reach(seq: number): Promise<boolean> {
    while (this.base !== null && this.base >= seq && !this.disposed) {
      const before = this.base
      await this.loadEarlier()
      if (this.base === before) break
    }
    return this.base !== null && this.base < seq && seq <= this.top
  }

  dispose(): void {
    this.disposed = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private take(message: Message): boolean {
    if (message.conversation_id !== this.conversationId || message.seq < 1) return false
    if (message.seq > this.known) this.known = message.seq
    if (message.client_message_id) this.clientIds.add(message.client_message_id)
    if (message.withdrawn) this.withdrawn.add(message.seq)
    const before = this.messages.get(message.seq)
    const erased = this.withdrawn.has(message.seq)
    if (before && before.withdrawn === erased) return false
    this.messages.set(message.seq, erased ? { ...message, text: null, data: null, withdrawn: true } : this.edited(message))
    if (isWithdrawal(message)) this.withdraw(message.data.ref_seq)
    if (isEdit(message) && message.text !== null) this.edit(message.data.seq, message.seq, message.text)
    return true
  }

  private edited(message: Message): Message {
    const edit = this.edits.get(message.seq)
    return edit ? { ...message, text: edit.text, edited: true } : message
  }

  /** Frames may overtake each other: the edit with the highest seq is the true one. */
  private edit(seq: number, by: number, text: string): void {
    if ((this.edits.get(seq)?.by ?? 0) > by) return
    this.edits.set(seq, { by, text })
    const message = this.messages.get(seq)
    if (message && !message.withdrawn) this.messages.set(seq, this.edited(message))
  }

  private withdraw(seq: number): void {
    this.withdrawn.add(seq)
    const message = this.messages.get(seq)
    if (message && !message.withdrawn) this.messages.set(seq, { ...message, text: null, data: null, withdrawn: true })
  }

  private settle(): void {
    if (this.base !== null) {
      if (this.top < this.base) this.top = this.base
      while (this.messages.has(this.top + 1)) this.top += 1
    }
    this.cache = null
    this.watchGap()
    this.options.onChange?.()
  }

  private watchGap(): void {
    const whole = this.base === null || this.top >= this.known
    if (whole) {
      if (this.timer !== null) clearTimeout(this.timer)
      this.timer = null
      this.backoff.reset()
    } else if (this.timer === null && !this.filling && !this.disposed) {
      this.timer = setTimeout(() => void this.fill(), this.gapDelay)
    }
  }

  private async fill(): Promise<void> {
    this.timer = null
    this.filling = true
    let wait = this.gapDelay
    try {
      if (this.known - this.top > this.maxCatchUp) {
        await this.loadNewest()
      } else {
        const top = this.top
        const page = await this.options.fetch({ after_seq: top, limit: 100 })
        if (this.disposed) return
        if (page.head < this.known && page.items.length === 0) this.known = Math.max(page.head, this.highest())
        this.apply(page.items)
        this.setHead(page.head)
        wait = this.top > top ? 0 : this.backoff.next()
      }
    } catch (error) {
      wait = this.backoff.next()
      this.options.onError?.(error)
    } finally {
      this.filling = false
    }
    if (this.base !== null && this.top < this.known && this.timer === null && !this.disposed) {
      this.timer = setTimeout(() => void this.fill(), wait)
    }
  }

  private highest(): number {
    let highest = 0
    for (const seq of this.messages.keys()) if (seq > highest) highest = seq
    return highest
  }

  private async loadNewest(): Promise<void> {
    const page = await this.options.fetch({ before_seq: MOST_SEQ, limit: this.pageSize })
    if (this.disposed) return
    const first = page.items[0]
    this.base = first ? first.seq - 1 : page.head
    this.top = this.base
    for (const message of page.items) this.take(message)
    if (page.head > this.known) this.known = page.head
    this.settle()
  }

  private async loadAbove(): Promise<void> {
    const base = this.base ?? 0
    const page = await this.options.fetch({ before_seq: Math.min(base + 1, MOST_SEQ), limit: this.pageSize })
    if (this.disposed || this.base !== base) return
    for (const message of page.items) this.take(message)
    let lowest = base
    while (lowest > 0 && this.messages.has(lowest)) lowest -= 1
    this.base = lowest
    this.settle()
  }
}
