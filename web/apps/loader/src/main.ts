import { readSettings } from './settings'
import { widget, type Api } from './widget'

declare global {
  interface Window {
    Qiatan?: Api
  }
}

const WAITS = [2_000, 10_000, 60_000]

/** The channel's settings; null where the channel is off. A network that fails is asked again a few times, then left alone. */
async function configOf(url: string): Promise<unknown> {
  for (const wait of [0, ...WAITS]) {
    if (wait) await new Promise((resolve) => setTimeout(resolve, wait))
    try {
      const response = await fetch(url, { credentials: 'omit' })
      if (response.ok) return await response.json()
      if (response.status < 500 && response.status !== 429) return null
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  return null
}

async function start(): Promise<void> {
  const script = (document.currentScript ?? document.querySelector('script[data-channel][src$="/widget.js"]')) as HTMLScriptElement | null
  const key = script?.dataset.channel
  if (!script || !key || window.Qiatan) return
  const { origin } = new URL(script.src)
  // the name is taken at once: a snippet pasted twice draws one launcher
  const calls: (keyof Pick<Api, 'open' | 'close'>)[] = []
  const early: Parameters<Api['on']>[] = []
  let ready: Api | null = null
  window.Qiatan = Object.freeze({
    open: () => (ready ? ready.open() : void calls.push('open')),
    close: () => (ready ? ready.close() : void calls.push('close')),
    on: (...listener: Parameters<Api['on']>) => {
      if (ready) return ready.on(...listener)
      early.push(listener)
      return () => void early.splice(early.indexOf(listener), 1)
    },
  })
  const config = await configOf(`${origin}/api/v1/widget/${encodeURIComponent(key)}/config`)
  if (!config) return
  if (!document.body) await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve))
  ready = widget(origin, key, readSettings(config))
  for (const listener of early) ready.on(...listener)
  for (const call of calls) ready[call]()
}

void start()
