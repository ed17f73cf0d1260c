import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'

/** A customer's name that is being written, and the version of the customer that was on the screen when it began. */
export interface BegunName {
  text: string
  version: number
}

/** Notes on customers, and names of them, that were begun and not saved: found as they were left when the customer is looked at again, until the page is closed. */
export const useUnsaved = defineStore('unsaved', () => {
  const texts = shallowReactive(new Map<string, string>())
  /** By customer. */
  const names = new Map<string, BegunName>()

  function keep(key: string, text: string): void {
    texts.set(key, text)
  }

  function drop(key: string): void {
    texts.delete(key)
  }

  /** What was begun for a customer: the note that was to be changed, '' for a new one; null where nothing was. */
  function begunFor(customerId: string): string | null {
    const key = [...texts.keys()].find((one) => one.startsWith(`${customerId} `))
    return key?.slice(customerId.length + 1) ?? null
  }

  function reset(): void {
    texts.clear()
    names.clear()
  }

  return { texts, names, keep, drop, begunFor, reset }
})
