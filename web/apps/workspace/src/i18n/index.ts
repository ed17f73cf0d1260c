import { createI18n } from 'vue-i18n'
import type { Locale } from '@qiatan/api'
import en from './en'
import zhCN from './zh-CN'

/** Same keys, any text: what each further language must fill in. */
export type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }
type Leaves<T, P extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${P}${K}` : Leaves<T[K], `${P}${K}.`>
}[keyof T & string]

export type Messages = typeof zhCN
/** Every key of the default language; a misspelled key does not compile. */
export type MessageKey = Leaves<Messages>
export type Params = Record<string, string | number>

export const LOCALES: readonly { id: Locale; name: string }[] = [
  { id: 'zh-CN', name: '简体中文' },
  { id: 'en', name: 'English' },
]

const messages: { 'zh-CN': Messages; en: Shape<Messages> } = { 'zh-CN': zhCN, en }

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages,
  // Texts are only ever drawn as text, so that a tag inside one is part of the sentence.
  warnHtmlMessage: false,
})

/** Text of a key in the chosen language; reactive where it is called while drawing. */
export function t(key: MessageKey, params: Params = {}): string {
  return i18n.global.t(key, params)
}

/** Text of a key that has a singular and a plural, joined by `|`. */
export function tn(key: MessageKey, count: number, params: Params = {}): string {
  return i18n.global.t(key, { count, n: count, ...params }, count)
}

export function isMessageKey(key: string): key is MessageKey {
  return i18n.global.te(key, 'zh-CN')
}

export function isLocale(value: unknown): value is Locale {
  return value === 'zh-CN' || value === 'en'
}

export function currentLocale(): Locale {
  return i18n.global.locale.value
}

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}

/** The browser's first language we speak; Chinese where none is. */
export function browserLocale(languages: readonly string[] = navigator.languages): Locale {
  for (const language of languages) {
    if (language.toLowerCase().startsWith('zh')) return 'zh-CN'
    if (language.toLowerCase().startsWith('en')) return 'en'
  }
  return 'zh-CN'
}
