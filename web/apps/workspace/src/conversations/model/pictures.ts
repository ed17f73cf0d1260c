/** What may be sent as a picture. The server decides by the content; this spares a useless upload and says why at once. */

export const MAX_PICTURE_BYTES = 10 * 1024 * 1024
export const MAX_PICTURES_AT_ONCE = 9
export const PICTURE_TYPES = 'image/jpeg,image/png,image/gif,image/webp'

export type Refusal = 'tooLarge' | 'notPicture' | 'empty'

export function refusalOf(file: Pick<File, 'size' | 'type'>): Refusal | null {
  if (!PICTURE_TYPES.split(',').includes(file.type)) return 'notPicture'
  if (file.size === 0) return 'empty'
  return file.size > MAX_PICTURE_BYTES ? 'tooLarge' : null
}

/** Width and height a picture is drawn with in the thread: its own proportions inside the box, never enlarged. */
export function fitted(width: number, height: number, box: { width: number; height: number }): { width: number; height: number } {
  if (!(width > 0) || !(height > 0)) return { width: box.width, height: box.height }
  const scale = Math.min(1, box.width / width, box.height / height)
  return { width: Math.max(32, Math.round(width * scale)), height: Math.max(32, Math.round(height * scale)) }
}
