import type { CustomerField } from '@qiatan/api'

/** How a value is written and asked for. */
export type Asked = 'line' | 'lines' | 'number' | 'date' | 'choice'

export interface CardField {
  key: string
  label: string
  asked: Asked
  /** What may be chosen, as stored and as shown. */
  options: readonly { value: string; text: string }[]
  most: number
  /** Shown also while nothing is known. */
  always: boolean
  type?: 'tel' | 'email'
}

export const BUILTIN = ['phone', 'email', 'weixin', 'gender', 'age', 'company', 'address', 'qq', 'weibo', 'comment'] as const
export type BuiltinKey = (typeof BUILTIN)[number]
const GENDERS = ['female', 'male', 'other'] as const
const LENGTH: Readonly<Record<BuiltinKey, number>> = { phone: 40, email: 254, weixin: 60, gender: 10, age: 3, company: 100, address: 300, qq: 12, weibo: 60, comment: 2_000 }
const ALWAYS: ReadonlySet<string> = new Set<BuiltinKey>(['phone', 'email', 'weixin', 'gender', 'address'])
const OWN_LENGTH = 500

export function isBuiltin(key: string): key is BuiltinKey {
  return (BUILTIN as readonly string[]).includes(key)
}

/** The words the card needs of the page's language. */
export interface FieldWords {
  label: (key: BuiltinKey) => string
  gender: (value: (typeof GENDERS)[number]) => string
}

function asked(key: BuiltinKey): Asked {
  if (key === 'gender') return 'choice'
  if (key === 'age') return 'number'
  return key === 'comment' ? 'lines' : 'line'
}

/** All fields of the card in their order: the built-in ones, then the enterprise's own. */
export function cardFields(own: readonly CustomerField[], words: FieldWords): CardField[] {
  const builtin = BUILTIN.map((key): CardField => ({
    key,
    label: words.label(key),
    asked: asked(key),
    options: key === 'gender' ? GENDERS.map((value) => ({ value, text: words.gender(value) })) : [],
    most: LENGTH[key],
    always: ALWAYS.has(key),
    ...(key === 'phone' ? { type: 'tel' as const } : key === 'email' ? { type: 'email' as const } : {}),
  }))
  const made = [...own].sort((a, b) => a.position - b.position).map((field): CardField => ({
    key: field.key,
    label: field.name,
    asked: field.kind === 'text' ? 'line' : field.kind,
    options: field.options.map((value) => ({ value, text: value })),
    most: OWN_LENGTH,
    always: true,
  }))
  return [...builtin, ...made]
}

/** A value as it is shown; one that is no option any more stays as it is. */
export function shownValue(field: CardField, value: string): string {
  return field.options.find((one) => one.value === value)?.text ?? value
}

const FEWEST_DIGITS = 7

/** A number of which the middle is hidden: enough to compare, not enough to copy from a screen that somebody looks over. */
export function masked(phone: string): string {
  const digits = phone.replace(/\D/g, '')
  return digits.length < FEWEST_DIGITS ? phone : `${digits.slice(0, 3)} **** ${digits.slice(-4)}`
}
