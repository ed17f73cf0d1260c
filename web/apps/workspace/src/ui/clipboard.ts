import { useClipboard } from '@vueuse/core'
import { effectScope } from 'vue'

let copier: ((text: string) => Promise<void>) | undefined

/** Copies a text; the fall-back works where the page has no secure origin. What it needs is made at the first copy and kept. */
export async function copyText(text: string): Promise<void> {
  copier ??= effectScope(true).run(() => useClipboard({ legacy: true }).copy)
  await copier?.(text)
}

/**
 * What of a clipboard goes as files: nothing where it also holds a text with form. Cells and paragraphs copied from an office program come
 * with a picture of themselves, and it is their words that are meant.
 */
export function pastedFiles(clipboard: DataTransfer | null): File[] {
  if (!clipboard) return []
  const isText = clipboard.types.includes('text/html') && clipboard.getData('text/plain').trim() !== ''
  return isText ? [] : [...clipboard.files]
}
