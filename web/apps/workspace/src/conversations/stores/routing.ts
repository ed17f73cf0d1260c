import { ApiError, type Id, type Routing } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowReactive, shallowRef } from 'vue'
import { api } from '../../api'
import { onFrame } from '../../live'
import { Since } from '../../stores/since'
import { reportSurprise } from '../../ui/report'

export type RoutingView = 'mine' | 'queue' | 'colleagues'

/**
 * How open conversations stand: place in the queue, deadline of the delayed transfer. Fed by `routing` frames; fetched for a view
 * whenever it was subscribed anew, as frames may have been missed before.
 */
export const useRouting = defineStore('routing', () => {
  const known = shallowReactive(new Map<Id, Routing>())
  /** How many may wait in the queue; null until it was asked. */
  const limit = shallowRef<number | null>(null)
  const since = new Since<Id>()
  let generation = 0

  function put(routing: Routing): void {
    if (routing.state === 'ended') known.delete(routing.conversation_id)
    else known.set(routing.conversation_id, routing)
  }

  /** Takes what a frame told: it is newer than any answer that is still on its way. */
  function apply(routing: Routing): void {
    since.touch(routing.conversation_id)
    put(routing)
  }

  /** Fetches what a view shows. A failure is reported: places and deadlines are then missing until the next change. */
  async function load(view: RoutingView): Promise<void> {
    const mine = generation
    try {
      const { answer, isStale } = await since.ask(() => (view === 'queue' ? askQueue() : api.routings(view)))
      if (mine !== generation) return
      for (const routing of answer) if (!isStale(routing.conversation_id)) put(routing)
      if (view === 'queue') forgetServed(new Set(answer.map((one) => one.conversation_id)), isStale)
    } catch (error) {
      reportSurprise(error)
    }
  }

  async function askQueue(): Promise<Routing[]> {
    const queue = await api.queue()
    limit.value = queue.limit
    return queue.items
  }

  /** Who is known to wait and is not named by the queue waits no longer. */
  function forgetServed(named: ReadonlySet<Id>, isStale: (id: Id) => boolean): void {
    for (const [id, { state }] of known) {
      if ((state === 'queued' || state === 'message' || state === 'new') && !named.has(id) && !isStale(id)) known.delete(id)
    }
  }

  /** Fetches how one conversation stands that no list brings. */
  async function loadOne(id: Id): Promise<void> {
    const mine = generation
    try {
      const { answer, isStale } = await since.ask(() => api.routing(id))
      if (mine === generation && !isStale(id)) put(answer)
    } catch (error) {
      // Gone in between, or not to be seen: the conversation itself tells that.
      if (!(error instanceof ApiError) || error.status !== 404) reportSurprise(error)
    }
  }

  function reset(): void {
    generation += 1
    known.clear()
    limit.value = null
  }

  onFrame('routing', ({ routing }) => apply(routing))

  return { known, limit, apply, load, loadOne, reset }
})
