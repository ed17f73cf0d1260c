import type { Locale } from '@qiatan/api'
import type elementEn from 'element-plus/es/locale/lang/en'
import { shallowRef } from 'vue'
import { filledIn, takenApart, type Params, type Text } from './format'
import { learnPlaces } from './places'
import type zhCN from './zh-CN'

export type { Params } from './format'

/** Same keys, any text: what each further language must fill in. */
export type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }
type Leaves<T, P extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${P}${K}` : Leaves<T[K], `${P}${K}.`>
}[keyof T & string]

export type Messages = typeof zhCN
/** Every key of the default language; a misspelled key does not compile. */
export type MessageKey = Leaves<Messages>

export const LOCALES: readonly { id: Locale; name: string }[] = [
  { id: 'zh-CN', name: '简体中文' },
  { id: 'en', name: 'English' },
]

/** One language's texts, and those of Element Plus. */
interface Spoken {
  locale: Locale
  messages: Shape<Messages>
  element: typeof elementEn
  /** Texts that were asked for, taken apart; null: there is none. */
  known: Map<string, Text | null>
}

/** A page speaks one language: the other is not loaded before it is chosen. */
const LOADERS: Readonly<Record<Locale, () => Promise<Pick<Spoken, 'messages' | 'element'>>>> = {
  'zh-CN': () => import('./zh-CN/spoken'),
  en: async () => {
    const { places, ...spoken } = await import('./en/spoken')
    learnPlaces(places)
    return spoken
  },
}

const loaded = new Map<Locale, Spoken>()
const spoken = shallowRef<Spoken | null>(null)
let turn = 0

/** Fetches the texts of a language. Throws where they cannot be fetched. */
export async function loadLocale(locale: Locale): Promise<void> {
  if (!loaded.has(locale)) loaded.set(locale, { locale, known: new Map(), ...await LOADERS[locale]() })
}

/** Speaks another language: at once where its texts are here, else as soon as they are. Of several choices the last one counts. Throws as `loadLocale`. */
export async function setLocale(locale: Locale): Promise<void> {
  const mine = ++turn
  if (!loaded.has(locale)) await loadLocale(locale)
  if (mine !== turn) return
  spoken.value = loaded.get(locale) ?? null
}

function textOf(key: string): Text | null {
  const now = spoken.value
  if (now === null) return null
  let text = now.known.get(key)
  if (text === undefined) {
    const found = at(now.messages, key)
    text = typeof found === 'string' ? takenApart(found) : null
    now.known.set(key, text)
  }
  return text
}

function at(tree: object, key: string): unknown {
  let found: unknown = tree
  for (const step of key.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = found[step as keyof typeof found]
  }
  return found
}

/** Text of a key in the chosen language; reactive where it is called while drawing. */
export function t(key: MessageKey, params: Params = {}): string {
  const text = textOf(key)
  return text === null ? key : filledIn(text, params)
}

/** Text of a key that has a singular and a plural, joined by `|`. */
export function tn(key: MessageKey, count: number, params: Params = {}): string {
  const text = textOf(key)
  return text === null ? key : filledIn(text, { count, n: count, ...params })
}

export function isMessageKey(key: string): key is MessageKey {
  return textOf(key) !== null
}

export function isLocale(value: unknown): value is Locale {
  return value === 'zh-CN' || value === 'en'
}

export function currentLocale(): Locale {
  return spoken.value?.locale ?? 'zh-CN'
}

/** What Element Plus says in the chosen language. */
export function elementLocale(): Spoken['element'] | undefined {
  return spoken.value?.element
}

/** The browser's first language we speak; Chinese where none is. */
export function browserLocale(languages: readonly string[] = navigator.languages): Locale {
  for (const language of languages) {
    if (language.toLowerCase().startsWith('zh')) return 'zh-CN'
    if (language.toLowerCase().startsWith('en')) return 'en'
  }
  return 'zh-CN'
}
