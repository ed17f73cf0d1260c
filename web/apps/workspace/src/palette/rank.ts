export interface Searchable {
  label: string
  /** Other words it is found by. */
  words?: readonly string[]
}

/** How well something fits: the beginning of its name first, then of a word in it, then anywhere, then its other words. 0: not at all. */
export function fit({ label, words = [] }: Searchable, query: string): number {
  const name = label.toLocaleLowerCase()
  const at = name.indexOf(query)
  if (at === 0) return 4
  if (at > 0) return /[\s/·:：]/.test(name[at - 1] ?? '') ? 3 : 2
  return words.some((word) => word.toLocaleLowerCase().includes(query)) ? 1 : 0
}

/** What fits, best first, as many as are shown; those that fit alike keep their order. Without a query, the first ones. */
export function best<T extends Searchable>(items: readonly T[], query: string, most: number): T[] {
  const wanted = query.trim().toLocaleLowerCase()
  if (wanted === '') return items.slice(0, most)
  const found: { item: T; score: number }[] = []
  for (const item of items) {
    const score = fit(item, wanted)
    if (score > 0) found.push({ item, score })
  }
  return found.sort((a, b) => b.score - a.score).slice(0, most).map(({ item }) => item)
}
