import { ApiError, type Id } from '@qiatan/api'
import type { Message, Timeline } from '@qiatan/live'
import { shallowReactive } from 'vue'
import { onReconnect } from '../../live'
import { messagePage } from './timelines'

/** Answered messages, for whoever quotes them; `loaded` is the timeline of a conversation that is shown, and tells who draws by it of its changes. */
export function useQuotes(loaded: (of: Id) => Timeline | undefined) {
  /** Those that lie above what is loaded. */
  const fetched = shallowReactive(new Map<string, Message | 'asked' | 'failed'>())

  /** The message at a seq. One that is not loaded is fetched; null until then, and where it cannot be. */
  function messageAt(of: Id, seq: number): Message | null {
    const here = loaded(of)?.at(seq)
    if (here) return here
    const key = `${of} ${seq}`
    const known = fetched.get(key)
    if (known === undefined) void fetchQuote(key, of, seq)
    return typeof known === 'object' ? known : null
  }

  /** Whether one was asked for and did not come. */
  function isFailed(of: Id, seq: number): boolean {
    return fetched.get(`${of} ${seq}`) === 'failed'
  }

  /** What is drawn asks again by itself for what is not here. */
  function again(of: Id, seq: number): void {
    if (isFailed(of, seq)) fetched.delete(`${of} ${seq}`)
  }

  async function fetchQuote(key: string, of: Id, seq: number): Promise<void> {
    // Outside of whatever is being drawn: what is drawn must not change meanwhile.
    await Promise.resolve()
    if (fetched.has(key)) return
    fetched.set(key, 'asked')
    try {
      const found = (await messagePage(of, { after_seq: seq - 1, limit: 1 })).items.find((one) => one.seq === seq)
      fetched.set(key, found ?? 'failed')
    } catch (failure) {
      fetched.set(key, 'failed')
      if (!(failure instanceof ApiError)) throw failure
    }
  }

  function clear(): void {
    fetched.clear()
  }

  onReconnect(() => {
    for (const [key, state] of fetched) if (state === 'failed') fetched.delete(key)
  })

  return { messageAt, isFailed, again, clear }
}
