import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'

/** Notes on customers that were begun and not saved: found as they were left when the customer is looked at again, until the page is closed. */
export const useUnsaved = defineStore('unsaved', () => {
  const texts = shallowReactive(new Map<string, string>())

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

  return { texts, keep, drop, begunFor, reset: () => texts.clear() }
})
