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

/** What is told before the panel has said `ready` is not heard: whoever hears that word says how things stand. */
export function connect(frame: HTMLIFrameElement, origin: string, onMessage: (message: FromPanel) => void): (message: ToPanel) => void {
  let port: MessagePort | null = null
  frame.addEventListener('load', () => {
    const { port1, port2 } = new MessageChannel()
    port?.close()
    port = null
    port1.onmessage = ({ data }: MessageEvent<FromPanel | null>) => {
      if (data?.type === 'ready') port = port1
      if (data) onMessage(data)
    }
    frame.contentWindow?.postMessage({ qiatan: 1 }, origin, [port2])
  })
  return (message) => port?.postMessage(message)
}
