import type { Id } from '@qiatan/api'
import type { Message } from '@qiatan/live'
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'

/** What the composer is about to do beside sending something new: answer a message, or change one of mine. */
export type Intent =
  | { kind: 'reply'; message: Message }
  | { kind: 'edit'; message: Message }

/** By conversation, so that going elsewhere and coming back finds it as it was left. */
export const useIntent = defineStore('intent', () => {
  const known = shallowReactive(new Map<Id, Intent>())

  function choose(kind: Intent['kind'], message: Message): void {
    known.set(message.conversation_id, { kind, message })
  }

  function drop(of: Id): void {
    known.delete(of)
  }

  function reset(): void {
    known.clear()
  }

  return { known, choose, drop, reset }
})
