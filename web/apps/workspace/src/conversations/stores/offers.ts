import type { Id, TransferOffer } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef } from 'vue'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { Since } from '../../stores/since'
import { reportSurprise } from '../../ui/report'

/** How many ended offers are remembered, so that an older answer does not open one again. */
const REMEMBERED = 200

/** Transfers that wait for a yes: those made to me, and those I made. */
export const useOffers = defineStore('offers', () => {
  const session = useSession()
  const open = shallowReactive(new Map<Id, TransferOffer>())
  /** Ended ones, and those to a group that I refused while the others may still accept. */
  const over = new Set<Id>()
  /** The conversation whose offer I accepted last: the list then shows mine. */
  const accepted = shallowRef<Id | null>(null)
  const since = new Since<Id>()
  let generation = 0

  const myId = computed(() => session.agent?.id ?? '')
  const byTime = (a: TransferOffer, b: TransferOffer): number => a.made_at.localeCompare(b.made_at)
  const incoming = computed(() => [...open.values()].filter((one) => one.from_agent_id !== myId.value).sort(byTime))
  const outgoing = computed(() => [...open.values()].filter((one) => one.from_agent_id === myId.value).sort(byTime))

  /** The offer that is open for a conversation, made by me. */
  function outgoingOf(conversation: Id): TransferOffer | null {
    return outgoing.value.find((one) => one.conversation_id === conversation) ?? null
  }

  /** Takes an offer as a frame or an answer brought it; tells whether it is news: an open one that was unknown, or the end of a known one. */
  function accept(offer: TransferOffer): boolean {
    since.touch(offer.id)
    return put(offer)
  }

  function put(offer: TransferOffer): boolean {
    if (over.has(offer.id)) return false
    const wasOpen = open.has(offer.id)
    if (offer.state === 'open') {
      open.set(offer.id, offer)
      return !wasOpen
    }
    finish(offer.id)
    return wasOpen
  }

  /** It is over for this page: answered, withdrawn, expired. An ended offer never opens again. */
  function finish(id: Id): void {
    open.delete(id)
    over.add(id)
    for (const oldest of over) {
      if (over.size <= REMEMBERED) break
      over.delete(oldest)
    }
  }

  /** Fetches the open ones; answers which of those made to me are new here. */
  async function load(): Promise<TransferOffer[]> {
    const mine = generation
    try {
      const { answer, isStale } = await since.ask(() => api.transferOffers())
      if (mine !== generation) return []
      const named = new Set(answer.map((one) => one.id))
      for (const id of [...open.keys()]) if (!named.has(id) && !isStale(id)) open.delete(id)
      return answer.filter((one) => !isStale(one.id) && put(one) && one.from_agent_id !== myId.value)
    } catch (error) {
      reportSurprise(error)
      return []
    }
  }

  function reset(): void {
    generation += 1
    open.clear()
    over.clear()
    accepted.value = null
  }

  return { open, accepted, incoming, outgoing, outgoingOf, accept, finish, load, reset }
})
