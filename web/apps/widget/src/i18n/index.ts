import { ref, shallowRef, type Ref } from 'vue'
import type { zh } from './zh'

export type Locale = 'zh-CN' | 'en'
export type Key = keyof typeof zh

export const locale: Ref<Locale> = ref('zh-CN')
let wanted: Locale = 'zh-CN'
const words = shallowRef<Partial<Record<Key, string>>>({})

/** A fixed language of the channel, or the visitor's own: Chinese where the browser asks for any Chinese first, else English. */
export function chooseLocale(setting: unknown, languages: readonly string[]): Locale {
  if (setting === 'zh-CN' || setting === 'en') return setting
  return languages[0]?.toLowerCase().startsWith('zh') ?? true ? 'zh-CN' : 'en'
}

/** Fetches one language only; the other is not paid for. */
export async function setLocale(value: Locale): Promise<void> {
  wanted = value
  const loaded = value === 'en' ? (await import('./en')).en : (await import('./zh')).zh
  // a later choice may have been faster
  if (wanted !== value) return
  words.value = loaded
  locale.value = value
  document.documentElement.lang = value
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (words.value[key] ?? '').replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** What a failed message says: a known code has its own words. */
export function reason(code: string | null): string {
  const key = `e_${code ?? 'other'}`
  return t(Object.hasOwn(words.value, key) ? (key as Key) : 'e_other')
}
