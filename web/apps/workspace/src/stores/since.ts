/**
 * Which answers are older than what frames have told since they were asked for: what a frame touched while an answer was on its way
 * is not overwritten by it.
 */
export class Since<Key> {
  readonly #touched = new Map<Key, number>()
  #moment = 0
  #underway = 0

  /** A frame, or an action's own answer, told about this. */
  touch(key: Key): void {
    if (this.#underway > 0) this.#touched.set(key, (this.#moment += 1))
  }

  /** Asks, and tells of the answer whether something was touched after the question. */
  async ask<T>(question: () => Promise<T>): Promise<{ answer: T; isStale: (key: Key) => boolean }> {
    const asked = this.#moment
    this.#underway += 1
    try {
      const answer = await question()
      // Kept apart from the map, which is emptied when the last answer is in.
      const since = new Set([...this.#touched].filter(([, at]) => at > asked).map(([key]) => key))
      return { answer, isStale: (key) => since.has(key) }
    } finally {
      this.#underway -= 1
      if (this.#underway === 0) this.#touched.clear()
    }
  }
}
