/**
 * Whether the focus may be put elsewhere in `area`: it is in there, or nowhere. Asked after an answer that was slow: whoever has gone on to
 * write in another place must not find their keys in this one.
 */
export function mayTakeFocus(area: Element | null | undefined): boolean {
  const at = document.activeElement
  return at === null || at === document.body || (area?.contains(at) ?? false)
}
