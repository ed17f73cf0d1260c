import { ref, shallowRef, type Ref } from 'vue'
import type chinese from './locales/zh-CN.json'

/** A language is one file in `locales/`, named by its tag; whatever lies there is offered, and fetched by those who read it. */
export type Locale = string
type First = typeof chinese.first
type More = typeof chinese.more
export type Key = keyof First | keyof More
type Words = Partial<Record<string, string>>
type Files = Record<string, () => Promise<Words>>

// vite.config.ts cuts each file in two: what the plain chat shows, and what its parts say
const FIRST = import.meta.glob('./locales/*.json', { query: '?first', import: 'default' }) as Files
const MORE = import.meta.glob('./locales/*.json', { query: '?more', import: 'default' }) as Files
const fileOf = (value: Locale): string => `./locales/${value}.json`

export const locale: Ref<Locale> = ref('zh-CN')
let wanted: Locale = 'zh-CN'
const words = shallowRef<Words>({})
let asked = ''

/** A fixed language of the channel, or the visitor's own; Chinese for any Chinese and where nothing is said, else English. */
export function chooseLocale(setting: unknown, languages: readonly string[]): Locale {
  if (typeof setting === 'string' && fileOf(setting) in FIRST) return setting
  const own = languages[0] ?? 'zh'
  const found = [own, own.split('-')[0] ?? own].find((tag) => fileOf(tag) in FIRST)
  return found ?? (own.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en')
}

/** Fetches one language only; the others are not paid for. */
export async function setLocale(value: Locale): Promise<void> {
  wanted = value
  asked = ''
  await take(value, FIRST)
}

async function take(value: Locale, files: Files): Promise<void> {
  const loaded = await files[fileOf(value)]?.()
  // a later choice may have been faster
  if (wanted !== value || !loaded) return
  words.value = locale.value === value ? { ...words.value, ...loaded } : loaded
  locale.value = value
  document.documentElement.lang = value
}

/** The first word that is not among the plain chat's brings the rest of the language: it shows as soon as that is there. */
function find(key: string): string | undefined {
  const found = words.value[key]
  if (found === undefined && asked !== locale.value) {
    asked = locale.value
    // without them a part is silent: the next one that needs them asks again
    take(asked, MORE).catch(() => (asked = ''))
  }
  return found
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (find(key) ?? '').replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** What a failed message says: a known code has its own words. */
export function reason(code: string | null): string {
  return find(`e_${code ?? 'other'}`) ?? t('e_other')
}
