import type { Kept } from './keep'

/** What the page says of its visitor: whom the next conversation is for, and what else is known. The panel reads it with care. */
export interface Said {
  assign?: object
  metadata?: object
}

/**
 * The talk between the page and the panel. The loader hands one end of a private MessageChannel to the panel: the handing over names the
 * panel's exact origin, and the panel takes it from its parent window only, so no third script can listen or join.
 * The same shapes are read by apps/widget/src/state/bridge.ts.
 */
export type ToPanel =
  | { type: 'page'; url: string; title: string; referrer: string }
  | { type: 'shown'; phone: boolean; full: boolean }
  | { type: 'hidden' }
  | { type: 'kept'; values: Kept | null }
  | { type: 'said'; said: Said }

export type FromPanel =
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

export function connect(frame: HTMLIFrameElement, origin: string, onMessage: (message: FromPanel) => void): (message: ToPanel) => void {
  let port: MessagePort | null = null
  const waiting: ToPanel[] = []
  frame.addEventListener('load', () => {
    const channel = new MessageChannel()
    port?.close()
    port = channel.port1
    port.onmessage = ({ data }) => {
      if (typeof data === 'object' && data !== null) onMessage(data as FromPanel)
    }
    frame.contentWindow?.postMessage({ qiatan: 1 }, origin, [channel.port2])
    for (const message of waiting.splice(0)) port.postMessage(message)
  })
  return (message) => {
    if (port) port.postMessage(message)
    else waiting.push(message)
  }
}
