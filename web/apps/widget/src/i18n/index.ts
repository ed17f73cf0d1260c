import { ref, type Ref } from 'vue'
import { en } from './en'
import { zh } from './zh'

export type Locale = 'zh-CN' | 'en'
export type Key = keyof typeof zh

export const locale: Ref<Locale> = ref(chooseLocale('auto', navigator.languages))

/** A fixed language of the channel, or the visitor's own: Chinese where the browser asks for any Chinese first, else English. */
export function chooseLocale(setting: unknown, languages: readonly string[]): Locale {
  if (setting === 'zh-CN' || setting === 'en') return setting
  return languages[0]?.toLowerCase().startsWith('zh') ?? true ? 'zh-CN' : 'en'
}

export function setLocale(value: Locale): void {
  locale.value = value
  document.documentElement.lang = value
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = (locale.value === 'en' ? en : zh)[key]
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** What a failed message says: a known code has its own words. */
export function reason(code: string | null): string {
  const key = `e_${code ?? 'other'}`
  return t(Object.hasOwn(zh, key) ? (key as Key) : 'e_other')
}
