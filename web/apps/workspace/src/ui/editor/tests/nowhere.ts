/** The editor asks where its words are drawn; in a document without a screen, that is nowhere. */
export function drawnNowhere(): void {
  Object.assign(Range.prototype, { getClientRects: () => [], getBoundingClientRect: () => new DOMRect() })
}
