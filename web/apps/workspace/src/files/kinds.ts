/** What files may be sent, and how they are told. The server decides; this spares a useless upload and says why at once (F14). */

export const MAX_FILE_BYTES = 50 * 1024 * 1024
export const MAX_FILES_AT_ONCE = 9

export type FileRefusal = 'tooLarge' | 'empty'
export type FileIcon = 'video' | 'audio' | 'picture' | 'text' | 'archive' | 'other'
export type Preview = 'picture' | 'audio' | 'video' | 'pdf'

export function refusalOfFile(file: Pick<File, 'size'>): FileRefusal | null {
  if (file.size === 0) return 'empty'
  return file.size > MAX_FILE_BYTES ? 'tooLarge' : null
}

/** Bytes as people read them: 214 KB, 28.4 MB; the same letters in both languages. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  const [value, unit] = bytes < 1_000 * 1_024 ? [bytes / 1_024, 'KB'] : [bytes / 1_024 / 1_024, 'MB']
  return `${value < 100 && unit === 'MB' ? value.toFixed(1).replace(/\.0$/, '') : Math.max(1, Math.round(value))} ${unit}`
}

export function iconOf(contentType: string): FileIcon {
  if (contentType.startsWith('video/')) return 'video'
  if (contentType.startsWith('audio/')) return 'audio'
  if (contentType.startsWith('image/')) return 'picture'
  if (/zip|gzip|bzip|x-xz|zstd|7z|rar|tar/.test(contentType)) return 'archive'
  return contentType === 'application/octet-stream' || contentType === 'application/x-executable' ? 'other' : 'text'
}

const SHOWN: Readonly<Record<string, Preview>> = { 'application/pdf': 'pdf' }
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'])
const SOUNDS = new Set(['audio/mpeg', 'audio/mp4', 'audio/wav', 'audio/ogg', 'audio/flac', 'audio/aac'])
const FILMS = new Set(['video/mp4', 'video/webm', 'video/quicktime'])

/** How a file can be looked at in place; null: it is only saved. The server says the same with the link. */
export function previewOf(contentType: string): Preview | null {
  if (PICTURES.has(contentType)) return 'picture'
  if (SOUNDS.has(contentType)) return 'audio'
  return FILMS.has(contentType) ? 'video' : (SHOWN[contentType] ?? null)
}

export interface Left {
  unit: 'days' | 'hours' | 'minutes' | 'expired'
  count: number
}

/** How long a file can still be read, in the largest unit that fits; a full week is 7 days. */
export function leftUntil(expiresAt: string, now: number): Left {
  const minutes = Math.ceil((Date.parse(expiresAt) - now) / 60_000)
  if (!(minutes > 0)) return { unit: 'expired', count: 0 }
  // clocks differ a little: what was just sent stays seven days, not eight
  if (minutes > 24 * 60) return { unit: 'days', count: Math.min(7, Math.ceil(minutes / (24 * 60))) }
  return minutes > 60 ? { unit: 'hours', count: Math.ceil(minutes / 60) } : { unit: 'minutes', count: minutes }
}
