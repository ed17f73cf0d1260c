import { ApiError, type Id, type MentionItem } from '@qiatan/api'
import type { Mention } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import { api } from '../../api'
import { live } from '../../live'
import { Since } from '../../stores/since'
import { reportSurprise } from '../../ui/report'

/** Notes that call this agent by name and were not looked at yet, by conversation. */
export const useMentions = defineStore('mentions', () => {
  const unread = shallowReactive(new Map<Id, readonly Mention[]>())
  const count = computed(() => unread.size)
  const since = new Since<Id>()
  let generation = 0

  /** Answers whether it is news. */
  function accept(mention: Mention): boolean {
    since.touch(mention.conversation_id)
    return put(mention)
  }

  function put(mention: Mention): boolean {
    const known = unread.get(mention.conversation_id) ?? []
    if (known.some((one) => one.seq === mention.seq)) return false
    unread.set(mention.conversation_id, [...known, mention])
    return true
  }

  function countOf(of: Id): number {
    return unread.get(of)?.length ?? 0
  }

  /** The conversation is on the screen: its mentions are read, here and on the other devices. */
  async function read(of: Id): Promise<void> {
    const known = unread.get(of)
    if (known === undefined || live.state.value !== 'open') return
    forget(of)
    try {
      await api.readMentions(of)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      // It still counts as unread there: the next load brings it back.
    }
  }

  function forget(of: Id): void {
    since.touch(of)
    unread.delete(of)
  }

  async function load(): Promise<void> {
    const mine = generation
    try {
      // Unread ones come first: one page holds more of them than anybody leaves unread.
      const { answer: { items }, isStale } = await since.ask(() => api.mentions())
      if (mine !== generation) return
      // What came, or was read, meanwhile is newer than the answer.
      for (const of of [...unread.keys()]) if (!isStale(of)) unread.delete(of)
      items.filter((one: MentionItem) => !one.read && !isStale(one.conversation_id)).forEach(put)
    } catch (error) {
      if (!(error instanceof ApiError)) reportSurprise(error)
    }
  }

  function reset(): void {
    generation += 1
    unread.clear()
  }

  return { unread, count, accept, countOf, read, forget, load, reset }
})
