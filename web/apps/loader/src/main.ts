import { commands, type Command } from './commands'
import { readSettings } from './settings'
import { widget, type Api } from './widget'

declare global {
  interface Window {
    Qiatan?: Api
    /** The same by commands; a page may set it to a function that collects its calls in `q` until this script is there. */
    qiatan?: Command & { q?: ArrayLike<unknown>[] }
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

/** What can go to another window: the page gets the error for what cannot at its own call, and nothing of it is kept. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value ?? {})) as T
}

async function start(): Promise<void> {
  const script = (document.currentScript ?? document.querySelector('script[data-channel][src$="/widget.js"]')) as HTMLScriptElement | null
  const key = script?.dataset.channel
  if (!script || !key || window.Qiatan) return
  const { origin } = new URL(script.src)
  // the name is taken at once: a snippet pasted twice draws one launcher
  const calls: ((api: Api) => void)[] = []
  let ready: Api | null = null
  const later = (call: (api: Api) => void): void => {
    if (ready) call(ready)
    else calls.push(call)
  }
  const api: Api = Object.freeze({
    open: (wish) => {
      const copy = plain(wish)
      later((now) => now.open(copy))
    },
    assign: (wish) => {
      const copy = plain(wish)
      later((now) => now.assign(copy))
    },
    metadata: (values) => {
      const copy = plain(values)
      later((now) => now.metadata(copy))
    },
    close: () => later((now) => now.close()),
    on: (...listener) => {
      let off: (() => void) | null = () => undefined
      later((now) => {
        if (off) off = now.on(...listener)
      })
      return () => {
        off?.()
        off = null
      }
    },
  } satisfies Api)
  window.Qiatan = api
  const early = window.qiatan?.q ?? []
  window.qiatan = commands(api)
  const { agent, group, fallback } = script.dataset
  if (agent || group || fallback) window.qiatan('assign', { agents: agent, groups: group, fallback })
  for (const call of early) window.qiatan(...(Array.from(call) as Parameters<Command>))
  const config = await configOf(`${origin}/api/v1/widget/${encodeURIComponent(key)}/config`)
  if (!config) return
  if (!document.body) await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve))
  ready = widget(origin, key, readSettings(config))
  for (const call of calls) call(ready)
}

void start()
