/** Places as the data of the regions names them, in another language: by country, `name there, name here` of each, between semicolons. */
export type Places = Readonly<Record<string, string>>

const taken = new Map<string, ReadonlyMap<string, string>>()
let places: Places = {}

/** They come with the texts of the language that needs them. */
export function learnPlaces(given: Places): void {
  places = given
  taken.clear()
}

/** The English name of a place in a country; null where none is known, or none is needed. */
export function placeInEnglish(country: string, name: string): string | null {
  let known = taken.get(country)
  if (known === undefined) {
    const entries = (places[country] ?? '').split(';').map((entry) => entry.trim())
    known = new Map(entries.map((entry) => [entry.slice(0, entry.indexOf(' ')), entry.slice(entry.indexOf(' ') + 1)]))
    taken.set(country, known)
  }
  return known.get(name) ?? null
}
