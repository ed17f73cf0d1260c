export interface Question {
  /** An answer that was asked for no earlier than now: where one is on its way, the one after it, which all who ask meanwhile share. */
  anew: () => Promise<void>
  /** The answer that is on its way, or one that is asked for now. */
  shared: () => Promise<void>
  isUnderway: () => boolean
}

/** One question to the server, asked once at a time: an answer that is on its way may be older than what somebody asks again for. */
export function oneAtATime(ask: () => Promise<void>): Question {
  let underway: Promise<void> | null = null
  let next: Promise<void> | null = null

  function begin(): Promise<void> {
    underway = ask().finally(() => { underway = null })
    return underway
  }

  function anew(): Promise<void> {
    if (!underway) return begin()
    next ??= underway.catch(() => undefined).then(() => {
      next = null
      return anew()
    })
    return next
  }

  return { anew, shared: () => underway ?? begin(), isUnderway: () => underway !== null }
}
