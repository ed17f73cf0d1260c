/** What loads a part asks for its styles once, also where they could not be fetched: it would be drawn without them at the next try. */
const missed = new Set<HTMLLinkElement>()

window.addEventListener('error', ({ target }) => {
  if (target instanceof HTMLLinkElement && target.rel === 'stylesheet') missed.add(target)
}, true)

/** Fetches again the styles that could not be fetched. What fails again holds up nothing else: it may be another part's, and gone for good. */
export async function fetchMissedStyles(): Promise<void> {
  await Promise.all([...missed].map((link) => new Promise((settled) => {
    missed.delete(link)
    const again = link.cloneNode() as HTMLLinkElement
    again.onload = settled
    again.onerror = settled
    link.replaceWith(again)
  })))
}
