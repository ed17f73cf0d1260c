import { safeColor } from '@qiatan/tokens/contrast'

/** What the loader needs of a channel's settings; each value is checked, as this code runs in somebody else's page. */
export interface LoaderSettings {
  color: string
  position: 'right' | 'left'
  offsetX: number
  offsetY: number
  pill: boolean
  full: boolean
  label: string
  text: Texts
}

export interface Texts {
  label: string
  close: string
  /** With `{name}` and `{count}`. */
  unread: string
  frame: string
}

/** The launcher's few words of every language of the panel, whose files they stand in. */
declare const __WORDS__: Partial<Record<string, Texts>>

function offset(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= 400 ? value : 24
}

/** Reads the answer of `GET /widget/{key}/config`; whatever is missing or out of range gets its default. */
export function readSettings(config: unknown, languages: readonly string[] = navigator.languages): LoaderSettings {
  const given = ((config as { settings?: unknown } | null)?.settings ?? {}) as Record<string, unknown>
  const own = languages[0] ?? 'zh'
  const words = __WORDS__
  const text = (words[String(given.language)] ?? words[own] ?? words[own.slice(0, 2)] ?? words[/^zh/i.test(own) ? 'zh-CN' : 'en']) as Texts
  const label = typeof given.launcher_text === 'string' && given.launcher_text.trim() ? given.launcher_text.slice(0, 24) : text.label
  return {
    color: safeColor(given.color),
    position: given.position === 'left' ? 'left' : 'right',
    offsetX: offset(given.offset_x),
    offsetY: offset(given.offset_y),
    pill: given.launcher === 'pill',
    full: given.mobile === 'full',
    label,
    text,
  }
}
