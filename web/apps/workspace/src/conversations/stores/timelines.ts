import { ApiError, type Id } from '@qiatan/api'
import { Timeline, type Message, type MessagePage, type PageQuery } from '@qiatan/live'
import { api } from '../../api'

/** Timelines kept after their conversation left the screen, so that coming back shows it at once. */
const KEPT_TIMELINES = 12

/** Timelines kept that were fetched ahead and not opened yet: they take no place from those that were. */
const KEPT_AHEAD = 16

/** A timeline longer than this is cut to its newest messages where nobody reads further up. */
export const LONGEST = 1_000
export const KEPT_MESSAGES = 500

/** The highest seq the server takes in a question. */
const MAX_SEQ = 2_000_000_000

/** The timelines of conversations that were opened, and of those that are likely to be opened next; `onChange` hears of each change. */
export class Timelines {
  private readonly kept = new Map<Id, Timeline>()
  private readonly ahead = new Set<Id>()

  constructor(private readonly onChange: (changed: Timeline) => void) {}

  get(of: Id): Timeline | undefined {
    return this.kept.get(of)
  }

  /** The timeline of a conversation, which is forgotten last from now on; it is made where there is none. */
  take(of: Id): Timeline {
    const kept = this.kept.get(of)
    if (kept) {
      this.kept.delete(of)
      this.kept.set(of, kept)
      return kept
    }
    const made: Timeline = new Timeline({
      conversationId: of,
      fetch: (query) => messagePage(of, query),
      onChange: () => { this.onChange(made) },
    })
    this.kept.set(of, made)
    return made
  }

  /** It was opened: it is not only fetched ahead any more. */
  opened(of: Id): void {
    this.ahead.delete(of)
  }

  /** Forgets what was left, or fetched ahead, longest ago. */
  makeRoom(shown: Id | null): void {
    let opened = this.kept.size - this.ahead.size - KEPT_TIMELINES
    let waiting = this.ahead.size - KEPT_AHEAD
    for (const key of [...this.kept.keys()]) {
      if (key !== shown && (this.ahead.has(key) ? waiting-- : opened--) > 0) this.forget(key)
    }
  }

  forget(of: Id): void {
    this.kept.get(of)?.dispose()
    this.kept.delete(of)
    this.ahead.delete(of)
  }

  forgetAll(): void {
    for (const key of [...this.kept.keys()]) this.forget(key)
  }

  /** Fetches the messages of a conversation that is likely to be opened next, so that opening it waits for nothing. Nothing of it is read by that. */
  async fetchAhead(of: Id, head: number, shown: Id | null): Promise<void> {
    if (this.kept.has(of)) return
    this.ahead.add(of)
    const timeline = this.take(of)
    this.makeRoom(shown)
    try {
      await timeline.open(head)
    } catch (failure) {
      // Opening it asks again, and says what is wrong.
      if (!(failure instanceof ApiError)) throw failure
      if (this.ahead.has(of) && this.kept.get(of) === timeline) this.forget(of)
    }
  }

  /** Gives a message to the timeline it belongs to, if that is kept. */
  apply(message: Message, shown: Id | null): void {
    const timeline = this.kept.get(message.conversation_id)
    timeline?.apply([message])
    if (timeline && message.conversation_id !== shown && timeline.length > LONGEST) timeline.trim(KEPT_MESSAGES)
  }
}

/** A page of a conversation's messages. Throws `ApiError`. */
export function messagePage(of: Id, query: PageQuery): Promise<MessagePage> {
  const { before_seq, ...rest } = query
  return api.messages(of, before_seq === undefined ? rest : { ...rest, before_seq: Math.min(before_seq, MAX_SEQ) })
}
