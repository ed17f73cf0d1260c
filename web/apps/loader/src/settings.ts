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
  unread: (name: string, count: number) => string
  frame: string
}

const CHINESE: Texts = { label: '在线客服', close: '收起在线客服', unread: (name, count) => `${name}，${count} 条未读`, frame: '在线客服对话' }
const ENGLISH: Texts = { label: 'Chat with us', close: 'Close chat', unread: (name, count) => `${name}, ${count} unread`, frame: 'Chat' }

function offset(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= 400 ? value : 24
}

/** Reads the answer of `GET /widget/{key}/config`; whatever is missing or out of range gets its default. */
export function readSettings(config: unknown, languages: readonly string[] = navigator.languages): LoaderSettings {
  const given = ((config as { settings?: unknown } | null)?.settings ?? {}) as Record<string, unknown>
  const auto = languages[0]?.toLowerCase().startsWith('zh') ?? true ? 'zh-CN' : 'en'
  const text = (given.language === 'zh-CN' || given.language === 'en' ? given.language : auto) === 'en' ? ENGLISH : CHINESE
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
