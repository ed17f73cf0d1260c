import type { WebSettings } from '@qiatan/api'
import { t } from '../../i18n'

/** The server's limits; it checks again. */
export const MAX_OFFSET = 200
export const MAX_TITLE = 40
export const MAX_TEXT = 500
export const MAX_LAUNCHER_TEXT = 20
export const MAX_NAME = 60

/** What this form edits: the settings, and the two facts about the channel that stand beside them. */
export interface ChannelFields {
  name: string
  enabled: boolean
  settings: WebSettings
}

export function isColor(text: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(text)
}

/** The number of the first line that is no origin, or null. */
export function badSite(sites: readonly string[]): number | null {
  const index = sites.findIndex((site) => {
    if (!URL.canParse(site)) return true
    const url = new URL(site)
    return !/^https?:$/.test(url.protocol) || url.hostname.includes('*') || url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== ''
  })
  return index === -1 ? null : index + 1
}

/** What is wrong with a form, by the field's name; empty when it may be saved. */
export function faults({ name, settings }: ChannelFields): Record<string, string> {
  const found: Record<string, string> = {}
  if (name.trim() === '') found['name'] = t('settings.web.required')
  if (!isColor(settings.color)) found['settings.color'] = t('settings.web.colorInvalid')
  if (settings.title.trim() === '') found['settings.title'] = t('settings.web.required')
  for (const field of ['offset_x', 'offset_y'] as const) {
    const value = settings[field]
    if (!Number.isInteger(value) || value < 0 || value > MAX_OFFSET) {
      found[`settings.${field}`] = t('settings.web.between', { min: 0, max: MAX_OFFSET })
    }
  }
  const line = badSite(settings.allowed_sites)
  if (line !== null) found['settings.allowed_sites'] = t('settings.web.sitesInvalid', { line })
  return found
}
