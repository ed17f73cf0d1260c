import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readSettings } from '../src/settings'
import { css } from '../src/styles'
import { widget, type Api } from '../src/widget'
import type { FromPanel, ToPanel } from '../src/bridge'

const ORIGIN = 'https://chat.example'

function settings(part: Record<string, unknown> = {}): ReturnType<typeof readSettings> {
  return readSettings({ settings: part }, ['zh-CN'])
}

describe('settings', () => {
  it('replaces whatever is missing or out of range', () => {
    for (const bad of [null, undefined, 1, {}, { settings: null }, { settings: { color: 'red;}', position: 'top', offset_x: 1e9, offset_y: '9', launcher: {}, launcher_text: 5, mobile: 1, language: 'xx' } }]) {
      expect(readSettings(bad, ['zh'])).toMatchObject({ color: '#3357cc', position: 'right', offsetX: 24, offsetY: 24, pill: false, full: false, label: '在线客服' })
    }
  })

  it('leaves prototypes alone', () => {
    readSettings(JSON.parse('{"settings":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}'), ['zh'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('speaks the visitor’s language unless the channel says otherwise', () => {
    expect(readSettings({ settings: { language: 'auto' } }, ['fr']).label).toBe('Chat with us')
    expect(readSettings({ settings: { language: 'zh-CN' } }, ['fr']).label).toBe('在线客服')
  })

  it('writes nothing of the settings’ texts into the style sheet', () => {
    expect(css(settings({ launcher_text: '}*{display:none', title: '</style>' }))).not.toMatch(/display:none}?\*|<\/style>/)
  })
})

/** jsdom has no constructed sheets, no visual viewport and no navigation of frames: the panel's side is played here. */
describe('widget', () => {
  let api: Api
  let root: ShadowRoot
  let heard: ToPanel[]
  let phone = false

  const launcher = (): HTMLButtonElement => root.querySelector('button')!
  const frame = (): HTMLIFrameElement | null => root.querySelector('iframe')

  function draw(part: Record<string, unknown> = {}): void {
    api = widget(ORIGIN, 'key/1', settings(part))
    root = [...document.body.children].at(-1)!.shadowRoot!
  }

  /** Lets the frame load and answers the panel's end of the channel. */
  function panel(): (message: FromPanel) => void {
    const target = { postMessage: vi.fn() }
    Object.defineProperty(frame(), 'contentWindow', { value: target, configurable: true })
    frame()!.dispatchEvent(new Event('load'))
    expect(target.postMessage).toHaveBeenCalledWith({ qiatan: 1 }, ORIGIN, [expect.any(MessagePort)])
    const port = (target.postMessage.mock.calls[0] as [unknown, string, MessagePort[]])[2][0]!
    port.onmessage = ({ data }) => heard.push(data as ToPanel)
    port.postMessage({ type: 'ready' })
    return (message) => port.postMessage(message)
  }

  beforeEach(() => {
    heard = []
    phone = false
    localStorage.clear()
    vi.stubGlobal('matchMedia', () => ({ get matches() { return phone } }))
    vi.stubGlobal('requestIdleCallback', (run: () => void) => run())
  })
  afterEach(() => {
    document.body.replaceChildren()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('draws a named launcher and loads nothing before somebody wants it', () => {
    draw()
    expect(launcher().getAttribute('aria-label')).toBe('在线客服')
    expect(launcher().getAttribute('aria-expanded')).toBe('false')
    expect(frame()).toBeNull()
  })

  it.each(['pointerenter', 'touchstart', 'focus'])('loads the panel on %s without opening it', (sign) => {
    draw()
    launcher().dispatchEvent(new Event(sign))
    expect(frame()?.src).toBe(`${ORIGIN}/widget/key%2F1/panel`)
    expect(launcher().getAttribute('aria-expanded')).toBe('false')
  })

  it('opens and closes, tells so, and gives the focus back', async () => {
    draw()
    const told: string[] = []
    for (const name of ['open', 'close'] as const) api.on(name, () => told.push(name))
    launcher().click()
    const say = panel()
    expect(launcher().getAttribute('aria-expanded')).toBe('true')
    await vi.waitFor(() => expect(heard.map(({ type }) => type)).toEqual(['page', 'shown']))
    expect(heard[0]).toEqual({ type: 'page', url: location.href, title: document.title, referrer: '' })
    say({ type: 'close' })
    await vi.waitFor(() => expect(launcher().getAttribute('aria-expanded')).toBe('false'))
    expect(root.activeElement).toBe(launcher())
    expect(told).toEqual(['open', 'close'])
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ type: 'hidden' }))
  })

  it('counts what is unread in words and figures', async () => {
    draw({ launcher: 'pill', launcher_text: '问我们' })
    launcher().dispatchEvent(new Event('focus'))
    const say = panel()
    say({ type: 'unread', count: 120 })
    await vi.waitFor(() => expect(launcher().getAttribute('aria-label')).toBe('问我们，120 条未读'))
    expect(root.querySelector('.b')?.textContent).toBe('99+')
    say({ type: 'unread', count: -1 } as FromPanel)
    await vi.waitFor(() => expect(launcher().getAttribute('aria-label')).toBe('问我们'))
  })

  it('asks for unread answers on the next page only where a conversation is open', async () => {
    draw()
    expect(frame()).toBeNull()
    launcher().click()
    const say = panel()
    say({ type: 'talking', open: true })
    await vi.waitFor(() => expect(localStorage.getItem('qiatan:key/1')).toContain('"talking":["1",'))
    document.body.replaceChildren()
    draw()
    expect(frame()).not.toBeNull()
    panel()({ type: 'talking', open: false })
    await vi.waitFor(() => expect(localStorage.getItem('qiatan:key/1')).toContain('"talking":[null,'))
  })

  it('shows nothing to a visitor whom the service is refused, now and on the next page, until the panel says otherwise', async () => {
    draw()
    api.open()
    panel()({ type: 'shut', on: true })
    await vi.waitFor(() => expect((root.host as HTMLElement).hidden).toBe(true))
    expect(launcher().getAttribute('aria-expanded')).toBe('false')
    api.open()
    expect(launcher().getAttribute('aria-expanded')).toBe('false')

    draw()
    expect((root.host as HTMLElement).hidden).toBe(true)
    panel()({ type: 'shut', on: false })
    await vi.waitFor(() => expect((root.host as HTMLElement).hidden).toBe(false))
    expect(localStorage.getItem('qiatan:key/1')).toContain('"shut":[null,')
  })

  it('keeps the panel’s values for it, from the opening on, and ends its lease with the page', async () => {
    localStorage.setItem('qiatan:key/1', '{"qiatan.visitor":["v",1]}')
    draw()
    launcher().click()
    const say = panel()
    say({ type: 'recall' })
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ type: 'kept', values: { 'qiatan.visitor': ['v', 1] } }))
    say({ type: 'keep', values: { 'qiatan.tab.k.t': ['5', 5], 'qiatan.draft': ['你', 5] } })
    await vi.waitFor(() => expect(localStorage.getItem('qiatan:key/1')).toContain('你'))
    window.dispatchEvent(new StorageEvent('storage', { key: 'qiatan:key/1', newValue: '{"qiatan.draft":["好",6]}' }))
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ type: 'kept', values: { 'qiatan.draft': ['好', 6] } }))
    window.dispatchEvent(new Event('pagehide'))
    expect(localStorage.getItem('qiatan:key/1')).toContain('"qiatan.tab.k.t":[null,')
  })

  it('lets Back close the panel and not the page, on a phone only', async () => {
    draw()
    const before = history.length
    launcher().click()
    expect(history.length).toBe(before)
    launcher().click()
    phone = true
    launcher().click()
    expect(history.length).toBe(before + 1)
    expect(document.documentElement.style.overflow).toBe('hidden')
    history.back()
    await vi.waitFor(() => expect(launcher().getAttribute('aria-expanded')).toBe('false'))
    expect(document.documentElement.style.overflow).toBe('')
  })

  it('lets Back close the panel also on a page that was loaded again while it was open', async () => {
    history.pushState(null, '')
    draw()
    phone = true
    launcher().click()
    document.body.replaceChildren()
    const mark = (history.state as { qiatan: number }).qiatan
    vi.setSystemTime(mark + 60_000)
    draw()
    launcher().click()
    expect(history.state).toEqual({ qiatan: mark + 60_000 })
    const back = new Promise((resolve) => window.addEventListener('popstate', resolve, { once: true }))
    history.back()
    await back
    expect(history.state).toEqual({ qiatan: mark })
    expect(launcher().getAttribute('aria-expanded')).toBe('false')
  })

  it('leaves the card of an unread answer as high as it is when a phone’s address bar goes', async () => {
    phone = true
    draw()
    launcher().dispatchEvent(new Event('touchstart'))
    panel()({ type: 'peek', height: 96 })
    const card = root.querySelector<HTMLElement>('.p')!
    await vi.waitFor(() => expect(card.style.height).toBe('96px'))
    window.dispatchEvent(new Event('resize'))
    expect([card.className, card.style.height]).toEqual(['p k', '96px'])
  })

  describe('where something else came in the place of the panel’s document', () => {
    let put: Node[]

    /** A browser's error page: it has loaded, and takes the message to nobody. */
    function errorPage(): void {
      Object.defineProperty(frame(), 'contentWindow', { value: { postMessage: () => undefined }, configurable: true })
      frame()!.dispatchEvent(new Event('load'))
    }

    const touch = (sign: string): boolean => launcher().dispatchEvent(new Event(sign))

    /** So many documents come and say nothing, however long each is waited for. */
    async function silences(count: number): Promise<void> {
      for (let left = count; left > 0; left--) {
        errorPage()
        await vi.advanceTimersByTimeAsync(64_001)
      }
    }

    beforeEach(() => {
      vi.useFakeTimers()
      draw()
      put = []
      const place = root.querySelector('.p')!
      const append = place.append.bind(place)
      place.append = (...nodes) => {
        put.push(...(nodes as Node[]))
        append(...nodes)
      }
    })

    it('asks for it again, at ever longer distances, and tells it all once it is there', async () => {
      launcher().click()
      api.metadata({ order: 'S1' })
      const asked = frame()!
      expect(put).toEqual([asked])
      errorPage()
      await vi.advanceTimersByTimeAsync(3_999)
      expect(put).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(2)
      expect(put).toEqual([asked, asked])
      errorPage()
      await vi.advanceTimersByTimeAsync(4_999)
      expect(put).toHaveLength(2)
      await vi.advanceTimersByTimeAsync(1)
      expect(put).toHaveLength(3)

      vi.useRealTimers()
      panel()
      await vi.waitFor(() => expect(heard.map(({ type }) => type)).toEqual(['page', 'said', 'shown']))
    })

    it('asks for it at once when it is opened again', async () => {
      touch('pointerenter')
      await silences(1)
      errorPage()
      await vi.advanceTimersByTimeAsync(4_000)
      expect(put).toHaveLength(2)
      launcher().click()
      expect(put).toHaveLength(3)
    })

    it('lets what it asked for arrive, however often the launcher is touched, and the panel closed', async () => {
      launcher().click()
      await silences(1)
      expect(put).toHaveLength(2)
      for (const sign of ['pointerenter', 'touchstart', 'focus']) touch(sign)
      launcher().click()
      launcher().click()
      api.open()
      await vi.advanceTimersByTimeAsync(600_000)
      expect(put).toHaveLength(2)
    })

    it('gives a document that has only just come the time to speak, whoever touches the launcher', async () => {
      launcher().click()
      await silences(1)
      errorPage()
      await vi.advanceTimersByTimeAsync(3_999)
      for (const sign of ['pointerenter', 'touchstart', 'focus']) touch(sign)
      api.open()
      expect(put).toHaveLength(2)
    })

    it('lets no more than a minute pass between two attempts, and begins with short times again for who opens it', async () => {
      touch('pointerenter')
      await silences(6)
      expect(put).toHaveLength(7)
      for (const _again of [1, 2]) {
        errorPage()
        put = []
        await vi.advanceTimersByTimeAsync(63_999)
        expect(put).toEqual([])
        await vi.advanceTimersByTimeAsync(1)
        expect(put).toHaveLength(1)
      }

      errorPage()
      launcher().click()
      expect(put).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(4_001)
      expect(put).toHaveLength(2)
      errorPage()
      await vi.advanceTimersByTimeAsync(5_000)
      expect(put).toHaveLength(3)
    })

    it('leaves a panel alone whose frame loaded twice before it spoke', async () => {
      launcher().click()
      errorPage()
      await vi.advanceTimersByTimeAsync(1_000)
      panel()
      await vi.waitFor(() => expect(heard.map(({ type }) => type)).toEqual(['page', 'shown']))
      await vi.advanceTimersByTimeAsync(600_000)
      expect(put).toHaveLength(1)
    })

    it('leaves a panel alone that is there', async () => {
      launcher().click()
      panel()({ type: 'unread', count: 1 })
      vi.useRealTimers()
      await vi.waitFor(() => expect(heard).toHaveLength(2))
      launcher().click()
      launcher().click()
      await vi.waitFor(() => expect(heard.map(({ type }) => type)).toEqual(['page', 'shown', 'hidden', 'shown']))
      expect(put).toHaveLength(1)
    })
  })

  it('tells the panel when a single-page shop changes its address', async () => {
    draw()
    launcher().click()
    panel()
    await vi.waitFor(() => expect(heard).toHaveLength(2))
    history.pushState(null, '', '/other')
    window.dispatchEvent(new PopStateEvent('popstate'))
    await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ type: 'page', url: `${location.origin}/other` }))
  })

  it('tells the panel whom the page wishes and what it knows, said before or after the panel is there', async () => {
    draw()
    api.assign({ agents: ['a1'], fallback: 1 })
    api.metadata({ order: 'S1' })
    expect(frame()).toBeNull()
    api.open({ groups: 'g1,g2' })
    panel()
    const said = { assign: { agents: ['a1'], fallback: 1, groups: 'g1,g2' }, metadata: { order: 'S1' } }
    await vi.waitFor(() => expect(heard).toContainEqual({ type: 'said', said }))
    api.metadata({ level: '3' })
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ type: 'said', said: { ...said, metadata: { order: 'S1', level: '3' } } }))
  })

  it('says nothing where the page says nothing', async () => {
    draw()
    launcher().click()
    panel()
    await vi.waitFor(() => expect(heard.map(({ type }) => type)).toEqual(['page', 'shown']))
  })

  it('ignores messages that are not of the bridge', async () => {
    draw()
    launcher().click()
    const say = panel() as (message: unknown) => void
    for (const odd of [null, 1, 'close', [], { type: 'unknown' }, { type: '__proto__' }]) say(odd)
    window.dispatchEvent(new MessageEvent('message', { data: { type: 'close' }, origin: ORIGIN }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(launcher().getAttribute('aria-expanded')).toBe('true')
  })
})
