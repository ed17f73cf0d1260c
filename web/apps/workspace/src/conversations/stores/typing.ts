import type { Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'

/** A typing frame holds this long without another (docs/protocol.md section 5). */
export const TYPING_HOLDS_MS = 5_000

export interface Typing {
  side: 'customer' | 'agent'
  /** What the customer has written so far, where the enterprise shows it. */
  text: string | null
  /** Which of my colleagues writes. */
  agentId?: Id | null
}

/** Who is writing now, by conversation. Not a fact: it fades by itself and is never stored. */
export const useTyping = defineStore('typing', () => {
  const now = shallowReactive(new Map<Id, Typing>())
  const timers = new Map<Id, ReturnType<typeof setTimeout>>()

  function show(id: Id, typing: Typing): void {
    // What the customer writes says more than that a colleague does.
    if (typing.side === 'agent' && now.get(id)?.side === 'customer') return
    clear(id)
    now.set(id, typing)
    timers.set(id, setTimeout(() => clear(id), TYPING_HOLDS_MS))
  }

  function clear(id: Id): void {
    const timer = timers.get(id)
    if (timer !== undefined) clearTimeout(timer)
    timers.delete(id)
    now.delete(id)
  }

  function reset(): void {
    for (const id of [...timers.keys()]) clear(id)
  }

  return { now, show, clear, reset }
})
