import { CHAT, DOWN, element, icon } from './dom'
import { applyCss, css, PHONE } from './styles'
import { connect, type FromPanel, type Said, type ToPanel } from './bridge'
import { onBack } from './back'
import { keeper } from './keep'
import type { LoaderSettings } from './settings'

/** Names of this kind say that a tab of the visitor is alive (packages/live/src/outbox-store.ts): they end with the page. */
const LEASE = 'qiatan.tab.'

/** How long a panel whose document is there may take to say so. */
const PATIENCE = 4_000

/** At most so much later is it asked for anew. */
const LONGEST_PAUSE = 60_000

type Name = 'open' | 'close' | 'unread'

/** `agents` and `groups`: ids, as a list or with commas. `fallback` where none of them can serve: 1 leave a message, 2 the agent's groups, 3 anybody. */
export interface Wish {
  agents?: string[] | string
  groups?: string[] | string
  fallback?: 1 | 2 | 3
}

export interface Api {
  /** Opens the panel; a wish is taken as by `assign`. */
  open: (wish?: Wish) => void
  /** Whom the visitor's next conversation is for; what is left out stays as it was said before. */
  assign: (wish: Wish) => void
  /** What the site knows of its visitor: texts by name. */
  metadata: (values: Record<string, string | null>) => void
  close: () => void
  /** `open`, `close`, `unread` (with the count). Answers a function that ends the listening. */
  on: (name: Name, listener: (value?: number) => void) => () => void
}

/** Draws the launcher; the panel's frame is made at the first sign that somebody wants it. */
export function widget(origin: string, key: string, settings: LoaderSettings): Api {
  const { text } = settings
  const host = element('div', '')
  const root = host.attachShadow({ mode: 'open' })
  applyCss(root, css(settings))
  const launcher = element('button', 'l', { type: 'button', 'aria-expanded': 'false' })
  const chat = icon(CHAT)
  const down = icon(DOWN)
  const label = element('span', 't')
  const badge = element('span', 'b', { 'aria-hidden': 'true' })
  label.textContent = settings.label
  label.hidden = !settings.pill
  launcher.append(chat, label, badge)
  const mask = element('div', 'm')
  const panel = element('div', 'p')
  root.append(launcher, mask, panel)
  document.body.append(host)

  const phone = matchMedia(PHONE)
  const listeners = new Map<Name, Set<(value?: number) => void>>()
  let tell: (message: ToPanel) => void = () => undefined
  let frame: HTMLIFrameElement | null = null
  /** Longer after each document that was silent, until somebody opens the panel. */
  let pause = 0
  let timer = 0
  /** A document is there and says nothing: what a browser without a line, or a proxy without a server, has put in the panel's place. */
  let silent = false
  let shown = false
  let unread = 0
  let told = ''
  let scrolling = ''
  let opened = false
  let recalled = false
  const said: Said = {}
  const leases = new Set<string>()
  const store = keeper(`qiatan:${key}`, (values) => {
    if (recalled) tell({ type: 'kept', values })
  })

  const emit = (name: Name, value?: number): void => listeners.get(name)?.forEach((listener) => listener(value))

  const tellPage = (): void => {
    if (told === location.href + document.title) return
    told = location.href + document.title
    tell({ type: 'page', url: location.href, title: document.title, referrer: document.referrer })
  }

  // what can be read on the button has to be in its name
  const called = settings.pill ? settings.label : text.label
  const name = (): void => {
    launcher.setAttribute('aria-label', shown ? text.close : unread > 0 ? text.unread.replace('{name}', () => called).replace('{count}', String(unread)) : called)
    badge.textContent = unread > 99 ? '99+' : String(unread)
    badge.hidden = shown || unread === 0
  }

  const say = (part: keyof Said, value: object): void => {
    said[part] = { ...said[part], ...value }
    tell({ type: 'said', said })
  }

  const tellShown = (): void => tell({ type: 'shown', phone: phone.matches, full: settings.full })

  // kept, so that the next page does not show the launcher before the panel has asked again
  const shut = (on: boolean): void => {
    if (on) hide()
    if (on || host.hidden) store.write({ shut: [on ? '1' : null, Date.now()] }, true)
    host.hidden = on
  }

  const hear = (message: FromPanel): void => {
    switch (message.type) {
      case 'close':
        hide()
        break
      case 'unread':
        unread = Number.isInteger(message.count) && message.count > 0 ? message.count : 0
        name()
        emit('unread', unread)
        break
      case 'peek':
        if (shown) break
        peek(Math.min(240, Number(message.height) || 0))
        break
      case 'open':
        show()
        break
      case 'talking':
        store.write({ talking: [message.open === true ? '1' : null, Date.now()] }, opened)
        break
      case 'shut':
        shut(message.on)
        break
      case 'recall':
        recalled = true
        tell({ type: 'kept', values: store.read() })
        break
      case 'keep':
        for (const name of Object.keys(message.values ?? {})) if (name.startsWith(LEASE)) leases.add(name)
        store.write(message.values, opened)
        break
      case 'drag':
        panel.style.transition = 'none'
        panel.style.transform = `translateY(${Math.max(0, Number(message.distance) || 0)}px)`
        break
      case 'drop':
        panel.style.transition = panel.style.transform = ''
        if (message.close === true) hide()
        break
      case 'ready':
        clearTimeout(timer)
        silent = false
        told = ''
        tellPage()
        if (said.assign || said.metadata) tell({ type: 'said', said })
        if (shown) tellShown()
        break
    }
  }

  /** The panel's frame as a small card beside the launcher: what was written while it was closed. */
  const peek = (height: number): void => {
    panel.classList.toggle('k', height > 0)
    panel.style.height = height > 0 ? `${height}px` : ''
  }

  const load = (): void => {
    // what is on its way is waited for: any touch of the launcher comes by here
    if (frame && !silent) return
    clearTimeout(timer)
    silent = false
    if (!frame) {
      frame = element('iframe', '', { title: text.frame, allow: `clipboard-write ${origin}` })
      tell = connect(frame, origin, hear)
      frame.addEventListener('load', () => {
        clearTimeout(timer)
        timer = window.setTimeout(() => {
          silent = true
          timer = window.setTimeout(load, pause)
          pause = Math.min(pause * 2 + 1_000, LONGEST_PAUSE)
        }, PATIENCE)
      })
      frame.src = `${origin}/widget/${encodeURIComponent(key)}/panel`
    }
    // put in anew, a frame fetches its document again, and adds no step to the page's history
    panel.append(frame)
  }

  const fit = (): void => {
    // the card beside the launcher has its own place and height
    if (!shown) return
    // the on-screen keyboard covers what is fixed to the bottom: follow what is really seen
    const seen = window.visualViewport
    const covered = phone.matches && seen ? window.innerHeight - seen.height - seen.offsetTop : 0
    panel.style.bottom = covered > 60 ? `${covered}px` : ''
    panel.style.height = covered > 60 && seen ? `${seen.height}px` : ''
  }

  const show = (): void => {
    pause = 0
    load()
    if (shown || host.hidden) return
    shown = opened = true
    tellPage()
    peek(0)
    tellShown()
    panel.classList.add('o')
    mask.classList.add('o')
    chat.replaceWith(down)
    launcher.setAttribute('aria-expanded', 'true')
    name()
    if (phone.matches) {
      scrolling = document.documentElement.style.overflow
      document.documentElement.style.overflow = 'hidden'
      back.enter()
    }
    frame?.focus()
    emit('open')
  }

  const hide = (): void => {
    if (!shown) return
    shown = false
    tell({ type: 'hidden' })
    panel.classList.remove('o')
    mask.classList.remove('o')
    down.replaceWith(chat)
    launcher.setAttribute('aria-expanded', 'false')
    name()
    panel.style.bottom = panel.style.height = ''
    if (back.leave()) document.documentElement.style.overflow = scrolling
    launcher.focus()
    emit('close')
  }

  name()
  const back = onBack(hide)
  launcher.addEventListener('click', () => (shown ? hide() : show()))
  for (const sign of ['pointerenter', 'touchstart', 'focus']) launcher.addEventListener(sign, load, { passive: true })
  mask.addEventListener('click', hide)
  launcher.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide()
  })
  for (const target of [window.visualViewport, window]) target?.addEventListener('resize', fit)
  window.visualViewport?.addEventListener('scroll', fit)
  for (const moved of ['popstate', 'hashchange']) window.addEventListener(moved, () => setTimeout(tellPage))
  // single-page shops change the address without any event of old
  const { navigation } = window as { navigation?: EventTarget }
  navigation?.addEventListener('navigatesuccess', tellPage)
  // the panel's own word at its end would come too late: this page goes with it
  window.addEventListener('pagehide', () => {
    for (const name of leases) store.write({ [name]: [null, Date.now()] }, false)
    leases.clear()
  })
  const kept = store.read()
  host.hidden = !!kept?.shut?.[0]
  if (host.hidden || kept?.talking?.[0]) (window.requestIdleCallback ?? setTimeout)(load)

  return {
    open: (wish) => {
      if (wish) say('assign', wish)
      show()
    },
    assign: (wish) => say('assign', wish),
    metadata: (values) => say('metadata', values),
    close: hide,
    on: (event, listener) => {
      const set = listeners.get(event) ?? new Set()
      listeners.set(event, set)
      set.add(listener)
      return () => set.delete(listener)
    },
  }
}
