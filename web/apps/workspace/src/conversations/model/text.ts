/** The longest text of one message (docs/protocol.md: `too_long`), counted as the server counts: in code points. */
export const MAX_TEXT = 5_000
/** From here on the composer shows how much is left. */
export const COUNT_FROM = 4_500

export function lengthOf(text: string): number {
  let length = 0
  for (const _char of text) length += 1
  return length
}
