import { reactive } from 'vue'

/** What the loader keeps for this frame: name → [value, time of writing]; null stands for what was removed. */
export type Kept = Record<string, [value: string | null, at: number]>

/** What the site says of its visitor; nothing in it is checked here. */
export interface Said {
  assign?: unknown
  metadata?: unknown
}

/** The other end of apps/loader/src/bridge.ts; the shapes are the same. */
type ToPanel =
  | { type: 'page'; url: string; title: string; referrer: string }
  | { type: 'shown'; phone: boolean; full: boolean }
  | { type: 'hidden' }
  | { type: 'kept'; values: Kept | null }
  | { type: 'said'; said: Said }

type FromPanel =
  | { type: 'ready' }
  | { type: 'close' }
  | { type: 'unread'; count: number }
  | { type: 'peek'; height: number }
  | { type: 'open' }
  | { type: 'talking'; open: boolean }
  | { type: 'shut'; on: boolean }
  | { type: 'drag'; distance: number }
  | { type: 'drop'; close: boolean }
  | { type: 'recall' }
  | { type: 'keep'; values: Kept }

export interface HostPage {
  url: string
  title: string
  referrer: string
}

const alone = window.parent === window

/** Where the panel stands: hidden until the visitor opens it. Opened as a page of its own, it is simply shown. */
export const host = reactive({
  alone,
  shown: alone,
  everShown: alone,
  phone: false,
  full: false,
  /** Empty where a chat link may say it. */
  said: (alone ? {} : null) as Said | null,
  page: { url: alone ? location.href : document.referrer, title: '', referrer: alone ? document.referrer : '' } as HostPage,
})

let heard = (): void => undefined
/** The site has said on which page it stands: what a session that begins earlier would tell of it is half of it. */
export const placed: Promise<void> = alone ? Promise.resolve() : new Promise((resolve) => (heard = resolve))

let port: MessagePort | null = null
const waiting: FromPanel[] = []

export function tell(message: FromPanel): void {
  if (port) port.postMessage(message)
  else if (!alone) waiting.push(message)
}

let onKept: (values: Kept | null) => void = () => undefined

/** Hears what the loader keeps: now, and whenever another tab has changed it. Null: the page's storage is refused too. */
export function recall(listener: (values: Kept | null) => void): void {
  onKept = listener
  tell({ type: 'recall' })
}

/** Takes the private channel from the window that holds this frame, and from no other. */
export function listen(): void {
  window.addEventListener('message', (event) => {
    if (alone || event.source !== window.parent || (event.data as { qiatan?: unknown } | null)?.qiatan !== 1) return
    const given = event.ports[0]
    if (!given) return
    port?.close()
    port = given
    port.onmessage = ({ data }) => hear(data as ToPanel)
    tell({ type: 'ready' })
    for (const message of waiting.splice(0)) tell(message)
  })
}

function hear(message: ToPanel): void {
  switch (message.type) {
    case 'page':
      host.page = { url: String(message.url), title: String(message.title), referrer: String(message.referrer) }
      heard()
      break
    case 'shown':
      Object.assign(host, { shown: true, everShown: true, phone: message.phone === true, full: message.full === true })
      break
    case 'hidden':
      host.shown = false
      break
    case 'said':
      host.said = message.said
      break
    case 'kept':
      onKept(message.values)
      break
  }
}
