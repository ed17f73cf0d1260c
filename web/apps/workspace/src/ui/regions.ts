import type { RegionItem } from '@qiatan/api'
import { placeInEnglish } from '../i18n/places'

/** What is chosen of a region: all of it, some places in it, or nothing. */
export type RegionState = 'all' | 'some' | 'none'

/** Codes are paths, like `CN/广东省/深圳市`: what a region lies in is what its code begins with. */
export function within(code: string, outer: string): boolean {
  return code.startsWith(`${outer}/`)
}

export function parentOf(code: string): string | null {
  const cut = code.lastIndexOf('/')
  return cut < 0 ? null : code.slice(0, cut)
}

export function stateOf(code: string, chosen: readonly string[]): RegionState {
  if (chosen.some((one) => one === code || within(code, one))) return 'all'
  return chosen.some((one) => within(one, code)) ? 'some' : 'none'
}

/** With `code` chosen: what lies in it is chosen with it and no longer named. Sorted, so that choosing and leaving out makes no change. */
export function choose(code: string, chosen: readonly string[]): string[] {
  if (stateOf(code, chosen) === 'all') return [...chosen]
  return [...chosen.filter((one) => !within(one, code)), code].sort()
}

/**
 * With `code` left out. Where a region around it is chosen, that one is replaced by the others that lie in it; `childrenOf` knows
 * those, because whoever leaves out a region has it before their eyes.
 */
export function leaveOut(code: string, chosen: readonly string[], childrenOf: (parent: string) => readonly RegionItem[]): string[] {
  const around = chosen.find((one) => within(code, one))
  const rest = chosen.filter((one) => one !== code && one !== around && !within(one, code))
  if (around === undefined) return rest
  for (let inner = code; inner !== around;) {
    const parent = parentOf(inner)
    if (parent === null) break
    rest.push(...childrenOf(parent).map((one) => one.code).filter((one) => one !== inner))
    inner = parent
  }
  return rest.sort()
}

const PROVINCES_IN_ENGLISH: Readonly<Record<string, string>> = {
  北京: 'Beijing', 天津: 'Tianjin', 上海: 'Shanghai', 重庆: 'Chongqing', 河北省: 'Hebei', 山西省: 'Shanxi', 辽宁省: 'Liaoning', 吉林省: 'Jilin',
  黑龙江省: 'Heilongjiang', 江苏省: 'Jiangsu', 浙江省: 'Zhejiang', 安徽省: 'Anhui', 福建省: 'Fujian', 江西省: 'Jiangxi', 山东省: 'Shandong',
  河南省: 'Henan', 湖北省: 'Hubei', 湖南省: 'Hunan', 广东省: 'Guangdong', 海南省: 'Hainan', 四川省: 'Sichuan', 贵州省: 'Guizhou', 云南省: 'Yunnan',
  陕西省: 'Shaanxi', 甘肃省: 'Gansu', 青海省: 'Qinghai', 内蒙古: 'Inner Mongolia', 广西: 'Guangxi', 西藏: 'Tibet', 宁夏: 'Ningxia', 新疆: 'Xinjiang',
  香港: 'Hong Kong', 澳门: 'Macao', 台湾省: 'Taiwan',
}

const PROVINCE_ORDER = Object.keys(PROVINCES_IN_ENGLISH)

/** Name of one region alone, in the reader's language; as the data has it where it has no other name. */
export function regionName(code: string, locale: string): string {
  const cut = code.lastIndexOf('/')
  const last = code.slice(cut + 1)
  if (cut < 0) return new Intl.DisplayNames(locale, { type: 'region', fallback: 'code' }).of(last) ?? last
  if (locale !== 'en') return last
  const country = code.slice(0, code.indexOf('/'))
  return (parentOf(code) === 'CN' ? PROVINCES_IN_ENGLISH[last] : undefined) ?? placeInEnglish(country, last) ?? last
}

/** Rows of long lists ask for the same few again and again. */
const paths = new Map<string, string>()
const MOST_PATHS = 2_000

/** Name of a region with what it lies in, China left out. */
export function regionPath(code: string, locale: string): string {
  const key = `${locale} ${code}`
  const known = paths.get(key)
  if (known !== undefined) return known
  if (paths.size >= MOST_PATHS) paths.clear()
  const made = pathOf(code, locale)
  paths.set(key, made)
  return made
}

/** The same as short as people say it, for a row: 广东 深圳, 北京, Guangdong; of other countries the country. */
export function regionBrief(code: string, locale: string): string {
  const [country, ...inner] = code.split('/')
  if (country !== 'CN' || inner.length === 0) return regionName(country ?? code, locale)
  if (locale === 'en') return regionName(`CN/${inner[0] ?? ''}`, locale)
  return [...new Set(inner.slice(0, 2).map((one) => one.replace(/(?<=..)(?:省|市|自治区|自治州|地区)$/, '')))].join(' ')
}

function pathOf(code: string, locale: string): string {
  const parts = code.split('/')
  const names = parts.map((_, index) => regionName(parts.slice(0, index + 1).join('/'), locale))
  const inner = parts.length > 1 && parts[0] === 'CN' ? names.slice(1) : names
  // A city that is a province by itself is named once.
  return inner.filter((name, index) => ![name, `${name}市`].includes(inner[index + 1] ?? '')).join(' ')
}

export interface RegionRow {
  code: string
  name: string
  /** 0 for a country. */
  depth: number
  children: number
  open: boolean
}

/** China before the other countries, its provinces as everybody lists them, the rest by their names. */
function inOrder(items: readonly RegionItem[], locale: string): RegionItem[] {
  const byName = new Intl.Collator(locale)
  const rank = (code: string): number => {
    if (code === 'CN') return -1
    const found = PROVINCE_ORDER.indexOf(code.slice(code.lastIndexOf('/') + 1))
    return parentOf(code) === 'CN' && found >= 0 ? found : PROVINCE_ORDER.length
  }
  return [...items].sort((a, b) => rank(a.code) - rank(b.code) || byName.compare(regionName(a.code, locale), regionName(b.code, locale)))
}

/** The tree as a list of rows, top to bottom: what is open, or, with `query`, what is found and what it lies in. */
export function rowsOf(known: ReadonlyMap<string, readonly RegionItem[]>, open: ReadonlySet<string>, query: string, locale: string): RegionRow[] {
  const wanted = query.trim().toLocaleLowerCase()
  const visit = (parent: string, depth: number, inside: boolean): RegionRow[] =>
    inOrder(known.get(parent) ?? [], locale).flatMap((item): RegionRow[] => {
      const name = regionName(item.code, locale)
      const found = wanted === '' || inside || [name, item.name].some((words) => words.toLocaleLowerCase().includes(wanted))
      const searching = wanted !== '' && !found
      const expanded = searching || open.has(item.code)
      const below = expanded ? visit(item.code, depth + 1, wanted !== '' && found) : []
      if (searching && below.length === 0) return []
      return [{ code: item.code, name, depth, children: item.children, open: expanded }, ...below]
    })
  return visit('', 0, false)
}
