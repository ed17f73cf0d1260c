import { shallowRef } from 'vue'
import { host } from './bridge'
import { ApiError, request } from './http'
import { storage } from './storage'

export interface WidgetSettings {
  color: string
  /** Null where the enterprise left a text as it came: then the panel's own words stand there. */
  title: string | null
  greeting: string | null
  offline_text: string | null
  language: 'auto' | 'zh-CN' | 'en'
}

export interface WidgetConfig {
  key: string
  name: string
  settings: WidgetSettings
}

interface WidgetSession {
  token: string
  expires_at: string
  customer_id: string
  config: WidgetConfig
  typing_preview: boolean
  files: boolean
}

interface Identity {
  token: string
  customer_id: string
}

export const channelKey = decodeURIComponent(/\/(?:chat|widget)\/([^/]+)/.exec(location.pathname)?.[1] ?? '')
export const config = shallowRef<WidgetConfig | null>(null)
export const typingPreview = shallowRef(false)
/** Whether files of any kind may be sent: from a computer, and where the channel takes them. The server asks again. */
export const filesAllowed = shallowRef(false)
export const identity = shallowRef<Identity | null>(null)

const slot = `qiatan.visitor.${channelKey}`

function kept(): Identity | null {
  try {
    const value = JSON.parse(storage.getItem(slot) ?? 'null') as Identity | null
    return typeof value?.token === 'string' && typeof value.customer_id === 'string' ? value : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

identity.value = kept()

/** Another tab of the same visitor has a newer token, or a new identity: this tab follows it. */
window.addEventListener('storage', (event) => {
  if (event.key === slot || event.key === null) identity.value = kept() ?? identity.value
})

export async function loadConfig(): Promise<void> {
  const found = await request<WidgetConfig>('GET', `/widget/${encodeURIComponent(channelKey)}/config`, null)
  config.value ??= found
}

let told = ''

const words = (): string => `${host.page.url}\n${host.page.title}`

/** The page this visitor is on, which the server then knows. */
function page() {
  told = words()
  return { page_url: host.page.url.slice(0, 2_000), page_title: host.page.title.slice(0, 500) }
}

/** Tells where the visitor went, or what a session that began before the site had said it could not tell: the title, the whole address. */
export async function visit(): Promise<void> {
  if (told !== words()) await call('POST', '/widget/visit', page())
}

/**
 * Opens the session, or renews it: a kept token is confirmed or rotated, an unknown one is answered with a new identity.
 * Raises ApiError.
 */
export async function openSession(): Promise<void> {
  const before = kept()
  const session = await request<WidgetSession>('POST', `/widget/${encodeURIComponent(channelKey)}/session`, before?.token ?? null, {
    ...page(),
    referrer: host.page.referrer.slice(0, 2_000),
    language: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: `${screen.width}x${screen.height}`,
  })
  config.value = session.config
  typingPreview.value = session.typing_preview
  filesAllowed.value = session.files
  const meanwhile = kept()
  if (!before && meanwhile) {
    // another tab was faster: there is one visitor, not two
    identity.value = meanwhile
    return
  }
  identity.value = { token: session.token, customer_id: session.customer_id }
  storage.setItem(slot, JSON.stringify(identity.value))
}

/** A call as this visitor. An expired token is renewed once and the call made again. Raises ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, as?: 'json' | 'blob'): Promise<T> {
  try {
    return await request<T>(method, path, identity.value?.token ?? null, body, as)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    await openSession()
    return await request<T>(method, path, identity.value?.token ?? null, body, as)
  }
}
