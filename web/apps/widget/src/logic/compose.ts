export const MOST_CHARACTERS = 5_000

/** Characters as the server counts them: code points, so that an emoji is not two. */
export function characters(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** What is sent of what was typed; null where nothing is left. Lone surrogates (half an emoji) and NUL would be refused. */
export function cleaned(text: string): string | null {
  let clean = ''
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code !== 0 && (code < 0xd800 || code > 0xdfff)) clean += character
  }
  clean = clean.trim()
  return clean === '' ? null : clean
}
