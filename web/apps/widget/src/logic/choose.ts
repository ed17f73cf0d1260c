export const MOST_BYTES = 10 * 1024 * 1024
export const MOST_PICTURES = 9
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

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
