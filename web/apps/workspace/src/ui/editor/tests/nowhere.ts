import { afterAll, beforeAll } from 'vitest'

const NOWHERE = { getClientRects: () => [], getBoundingClientRect: () => new DOMRect() }

/** The editor asks where its words are drawn; in a document without a screen, which cannot say it, that is nowhere for the tests of this file. */
export function drawnNowhere(): void {
  beforeAll(() => { Object.assign(Range.prototype, NOWHERE) })
  afterAll(() => { for (const name of Object.keys(NOWHERE)) Reflect.deleteProperty(Range.prototype, name) })
}
