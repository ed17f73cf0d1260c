import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy, type PDFPageProxy, type RenderTask } from 'pdfjs-dist'
import workerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url'
import type { wordsOf } from './words'

/** More pages than anybody reads in a chat, and fewer than would hurt. */
const MOST_PAGES = 300
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3]
const LARGEST_SIDE = 4096
const WORKER_WITHIN = 5_000
const PLACE = new URL('/assets/viewer/', location.href).href

/**
 * A page without an origin may not start a worker from an address, but from a blob of its own, which then fetches the script like any other.
 * Where that fails too, pdf.js works on the page's own thread.
 */
function startWorker(): Promise<Worker | null> {
  const script = new Blob([`await import(${JSON.stringify(new URL(workerUrl, location.href).href)})`], { type: 'text/javascript' })
  const worker = new Worker(URL.createObjectURL(script), { type: 'module' })
  return new Promise((resolve) => {
    let settled = false
    const done = (works: boolean): void => {
      if (settled) return
      settled = true
      if (!works) worker.terminate()
      resolve(works ? worker : null)
    }
    // its first word is that it is ready
    worker.addEventListener('message', () => done(true), { once: true })
    worker.addEventListener('error', () => done(false), { once: true })
    setTimeout(() => done(false), WORKER_WITHIN)
  })
}

/** Draws a PDF page by page, each when it comes near the screen. Rejects where it cannot be read. */
export async function showPdf(stage: HTMLElement, file: string, t: ReturnType<typeof wordsOf>): Promise<void> {
  GlobalWorkerOptions.workerSrc = new URL(workerUrl, location.href).href
  GlobalWorkerOptions.workerPort = await startWorker()
  const document_ = await getDocument({
    url: file,
    cMapUrl: `${PLACE}cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${PLACE}standard_fonts/`,
    useWasm: false,
    enableXfa: false,
    stopAtErrors: false,
    maxImageSize: 50_000_000,
  }).promise
  await new Pages(stage, document_, t).show()
}

class Pages {
  private readonly count: number
  private readonly bar = document.createElement('div')
  private readonly where = document.createElement('span')
  private readonly list = document.createElement('div')
  private readonly near = new Map<Element, RenderTask | null>()
  private readonly watcher = new IntersectionObserver((seen) => this.seen(seen), { rootMargin: '100% 0px' })
  private readonly loaded = new Map<number, PDFPageProxy>()
  private zoom = ZOOMS.indexOf(1)

  constructor(
    private readonly stage: HTMLElement,
    private readonly file: PDFDocumentProxy,
    private readonly t: ReturnType<typeof wordsOf>,
  ) {
    this.count = Math.min(file.numPages, MOST_PAGES)
  }

  async show(): Promise<void> {
    const first = await this.page(1)
    const { width, height } = first.getViewport({ scale: 1 })
    this.list.className = 'pages'
    for (let number = 1; number <= this.count; number += 1) {
      const place = document.createElement('canvas')
      place.dataset['page'] = String(number)
      place.setAttribute('role', 'img')
      place.setAttribute('aria-label', this.t('page', { page: number, count: this.file.numPages }))
      place.width = 1
      place.height = 1
      this.sized(place, width / height)
      this.list.append(place)
    }
    this.makeBar()
    this.stage.classList.add('pdf')
    this.stage.replaceChildren(this.bar, this.list)
    if (this.count < this.file.numPages) {
      const more = document.createElement('p')
      more.className = 'told'
      more.textContent = this.t('first', { count: this.count })
      this.list.append(more)
    }
    for (const place of this.list.querySelectorAll('canvas')) this.watcher.observe(place)
    this.list.addEventListener('scroll', () => this.tell(), { passive: true })
    addEventListener('resize', () => this.redraw())
    this.tell()
  }

  private makeBar(): void {
    this.bar.className = 'bar'
    this.where.setAttribute('role', 'status')
    this.bar.append(this.where, this.button('smaller', -1), this.button('larger', 1))
  }

  private button(word: 'smaller' | 'larger', step: number): HTMLButtonElement {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = step < 0 ? '−' : '+'
    button.setAttribute('aria-label', this.t(word))
    button.title = this.t(word)
    button.addEventListener('click', () => {
      this.zoom = Math.min(ZOOMS.length - 1, Math.max(0, this.zoom + step))
      this.redraw()
    })
    return button
  }

  /** How wide a page is on the screen, in CSS pixels. */
  private get breadth(): number {
    return Math.max(160, Math.min(this.stage.clientWidth - 32, 900)) * (ZOOMS[this.zoom] ?? 1)
  }

  private sized(place: HTMLCanvasElement, ratio: number): void {
    place.style.width = `${this.breadth}px`
    place.style.aspectRatio = String(ratio)
    place.dataset['ratio'] = String(ratio)
  }

  private redraw(): void {
    for (const place of this.list.querySelectorAll('canvas')) this.sized(place, Number(place.dataset['ratio']))
    for (const [place, task] of this.near) {
      task?.cancel()
      this.near.set(place, null)
      void this.draw(place as HTMLCanvasElement)
    }
  }

  private tell(): void {
    const middle = this.list.getBoundingClientRect().top + this.list.clientHeight / 2
    const places = [...this.list.querySelectorAll('canvas')]
    const at = places.findLastIndex((place) => place.getBoundingClientRect().top <= middle)
    this.where.textContent = this.t('page', { page: Math.max(0, at) + 1, count: this.file.numPages })
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const place = target as HTMLCanvasElement
      if (isIntersecting && !this.near.has(place)) {
        this.near.set(place, null)
        void this.draw(place)
      } else if (!isIntersecting && this.near.has(place)) {
        // what is far away gives its pixels back
        this.near.get(place)?.cancel()
        this.near.delete(place)
        place.width = 1
        place.height = 1
      }
    }
  }

  private async page(number: number): Promise<PDFPageProxy> {
    const known = this.loaded.get(number)
    if (known) return known
    const page = await this.file.getPage(number)
    this.loaded.set(number, page)
    return page
  }

  private async draw(place: HTMLCanvasElement): Promise<void> {
    const page = await this.page(Number(place.dataset['page']))
    if (!this.near.has(place)) return
    const plain = page.getViewport({ scale: 1 })
    this.sized(place, plain.width / plain.height)
    const dense = Math.min(devicePixelRatio, 2) * (this.breadth / plain.width)
    const scale = Math.min(dense, LARGEST_SIDE / Math.max(plain.width, plain.height))
    const viewport = page.getViewport({ scale })
    place.width = Math.round(viewport.width)
    place.height = Math.round(viewport.height)
    const task = page.render({ canvas: place, viewport })
    this.near.set(place, task)
    await task.promise.catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'RenderingCancelledException') throw error
    })
  }
}
