export const MOST_CHARACTERS = 5_000
export const MOST_BYTES = 10 * 1024 * 1024
export const MOST_PICTURES = 9
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

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

export type PictureFault = 'tooBig' | 'notPicture' | 'tooMany'

/** The pictures that may go, and the first reason why others may not. */
export function choosePictures(files: readonly File[]): { taken: File[]; fault: PictureFault | null } {
  const taken: File[] = []
  let fault: PictureFault | null = null
  for (const file of files) {
    const wrong: PictureFault | null = !PICTURES.has(file.type) ? 'notPicture' : file.size > MOST_BYTES ? 'tooBig' : taken.length >= MOST_PICTURES ? 'tooMany' : null
    if (wrong) fault ??= wrong
    else taken.push(file)
  }
  return { taken, fault }
}
