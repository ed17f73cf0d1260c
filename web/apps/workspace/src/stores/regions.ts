import type { RegionItem } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api } from '../api'

const HOME = 'CN'
const AT_ONCE = 4

/** The tree of regions, fetched where somebody looks and then kept: it changes with the installation's data only. */
export const useRegions = defineStore('regions', () => {
  /** By parent; the countries stand under ''. */
  const known = shallowRef<ReadonlyMap<string, readonly RegionItem[]>>(new Map())
  const asked = new Map<string, Promise<void>>()

  function childrenOf(parent: string): readonly RegionItem[] {
    return known.value.get(parent) ?? []
  }

  /** Fetches what lies in `parent` ('' for the countries), once. */
  function load(parent: string): Promise<void> {
    const before = asked.get(parent)
    if (before) return before
    const work = api.regions(parent === '' ? null : parent).then(
      (items) => { known.value = new Map(known.value).set(parent, items) },
      (error: unknown) => {
        asked.delete(parent)
        throw error
      },
    )
    asked.set(parent, work)
    return work
  }

  /** The countries and China's provinces: what a reader sees first. */
  async function loadFirst(): Promise<void> {
    await Promise.all([load(''), load(HOME)])
  }

  /** China's cities too, so that a search finds them. */
  async function loadCities(): Promise<void> {
    await loadFirst()
    const left = childrenOf(HOME).filter((one) => one.children > 0).map((one) => one.code)
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await load(next)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }

  return { known, childrenOf, load, loadFirst, loadCities }
})
