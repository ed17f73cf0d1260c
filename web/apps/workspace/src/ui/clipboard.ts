import { useClipboard } from '@vueuse/core'
import { effectScope } from 'vue'

let copier: ((text: string) => Promise<void>) | undefined

/** Copies a text; the fall-back works where the page has no secure origin. What it needs is made at the first copy and kept. */
export async function copyText(text: string): Promise<void> {
  copier ??= effectScope(true).run(() => useClipboard({ legacy: true }).copy)
  await copier?.(text)
}
