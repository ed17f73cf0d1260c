import { ApiError, type CustomerPlace, type Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api } from '../../api'

/** Rows come into view one after the other; they are asked for together. */
const GATHER_MS = 80
const AT_ONCE = 100

/** Where customers were seen last, for the rows of lists: asked for once a row is shown, and only then. */
export const usePlaces = defineStore('places', () => {
  const known = shallowReactive(new Map<Id, CustomerPlace>())
  const asked = new Set<Id>()
  let waiting: Id[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let turn = 0

  function of(customer: Id): CustomerPlace | null {
    return known.get(customer) ?? null
  }

  function want(customers: readonly Id[]): void {
    const fresh = customers.filter((one) => !asked.has(one))
    if (fresh.length === 0) return
    for (const one of fresh) asked.add(one)
    waiting.push(...fresh)
    timer ??= setTimeout(() => void fetchWaiting(), GATHER_MS)
  }

  async function fetchWaiting(): Promise<void> {
    timer = undefined
    const mine = turn
    const now = [...new Set(waiting)].slice(0, AT_ONCE)
    waiting = waiting.filter((one) => !now.includes(one))
    if (waiting.length > 0) timer = setTimeout(() => void fetchWaiting(), GATHER_MS)
    try {
      const found = await api.customerPlaces(now)
      if (mine === turn) for (const place of found) known.set(place.customer_id, place)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      // A row without its region is a row all the same; it is asked for again when it comes into view again.
      for (const one of now) asked.delete(one)
    }
  }

  /** What a frame or the card told meanwhile. */
  function put(place: CustomerPlace): void {
    asked.add(place.customer_id)
    known.set(place.customer_id, place)
  }

  function reset(): void {
    turn += 1
    clearTimeout(timer)
    timer = undefined
    waiting = []
    asked.clear()
    known.clear()
  }

  return { of, want, put, reset }
})
