export const MOST_BYTES = 10 * 1024 * 1024
export const MOST_FILE_BYTES = 50 * 1024 * 1024
export const MOST_PICTURES = 9
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

export type PictureFault = 'tooBig' | 'notPicture' | 'tooMany' | 'fileTooBig' | 'fileEmpty'

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

/**
 * What goes as a picture and what as a file, and the first reason why something may not go at all. `asFiles`: pictures too go as they are.
 * Where no files are taken, only pictures may go.
 */
export function choose(given: readonly File[], filesAllowed: boolean, asFiles: boolean): { pictures: File[]; files: File[]; fault: PictureFault | null } {
  if (!filesAllowed) {
    const { taken, fault } = choosePictures(given)
    return { pictures: taken, files: [], fault }
  }
  const pictures: File[] = []
  const files: File[] = []
  let fault: PictureFault | null = null
  for (const one of given) {
    const wrong: PictureFault | null =
      one.size > MOST_FILE_BYTES ? 'fileTooBig' : one.size === 0 ? 'fileEmpty' : pictures.length + files.length >= MOST_PICTURES ? 'tooMany' : null
    if (wrong) fault ??= wrong
    else if (!asFiles && PICTURES.has(one.type) && one.size <= MOST_BYTES) pictures.push(one)
    else files.push(one)
  }
  return { pictures, files, fault }
}
