import type { FileData } from '@qiatan/live'
import { call } from './session'

const PREVIEWS: readonly [RegExp, string][] = [
  [/^image\/(png|jpeg|gif|webp|avif)$/, 'picture'],
  [/^audio\/(mpeg|mp4|wav|ogg|flac|aac)$/, 'audio'],
  [/^video\/(mp4|webm|quicktime)$/, 'video'],
  [/^application\/pdf$/, 'pdf'],
]

export interface Link {
  url: string
  view_url: string | null
  preview: string | null
}

/** An address of a file that lapses after a quarter of an hour; the token stands in none. Raises ApiError. */
export function linkTo(fileId: string, download: boolean): Promise<Link> {
  return call('GET', `/widget/files/${encodeURIComponent(fileId)}/link?download=${download}`)
}

/** Whether a file can be looked at in place: never one that could be a program. */
export function shows({ content_type, risky }: FileData): boolean {
  return !risky && PREVIEWS.some(([types]) => types.test(content_type))
}

/** Bytes as people read them: 486 KB, 28.4 MB. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1_024_000) return `${Math.max(1, Math.round(bytes / 1_024))} KB`
  const value = bytes / 1_024 / 1_024
  return `${value < 100 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} MB`
}

/** How long a file can still be read: days above one, else hours; 0 hours: no more. */
export function leftUntil(expiresAt: string, now: number): { days: number; hours: number } {
  const hours = Math.max(0, Math.ceil((Date.parse(expiresAt) - now) / 3_600_000))
  return hours > 24 ? { days: Math.min(7, Math.ceil(hours / 24)), hours: 0 } : { days: 0, hours }
}
