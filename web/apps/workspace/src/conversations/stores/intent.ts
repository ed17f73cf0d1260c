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
  /** What a message that is being changed shall say. The draft of what comes next stays as it is meanwhile. */
  const edits = shallowReactive(new Map<Id, string>())
  /** Where a note is written and no message to the customer. */
  const notes = shallowReactive(new Set<Id>())

  function choose(kind: Intent['kind'], message: Message): void {
    const of = message.conversation_id
    if (kind === 'edit') edits.set(of, message.text ?? '')
    else edits.delete(of)
    known.set(of, { kind, message })
  }

  function drop(of: Id): void {
    known.delete(of)
    edits.delete(of)
  }

  function reset(): void {
    known.clear()
    edits.clear()
    notes.clear()
  }

  return { known, edits, notes, choose, drop, reset }
})
