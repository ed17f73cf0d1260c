/**
 * Shows one file of a stranger, in a page that has no origin: nothing in here can reach a session, a cookie or our API.
 * The address is `/files/{token}/view#kind=…&lang=…&theme=…`; the file itself is at `/files/{token}`.
 */
import '@qiatan/tokens/tokens.css'
import './viewer.css'
import { wordsOf } from './words'

const asked = new URLSearchParams(location.hash.slice(1))
const kind = asked.get('kind')
const t = wordsOf(asked.get('lang'))
const file = location.href.split('#')[0]?.replace(/\/view$/, '') ?? ''
const stage = document.querySelector<HTMLElement>('#stage')
if (!stage) throw new Error('the page has lost its stage')
const theme = asked.get('theme')
if (theme === 'dark' || theme === 'light') document.documentElement.dataset['theme'] = theme
document.documentElement.lang = asked.get('lang') === 'en' ? 'en' : 'zh-CN'
document.title = t('title')

// Whoever has pressed somewhere in the file presses Esc here, and means the window around it. Nothing but that is said, so anybody may hear it.
addEventListener('keydown', ({ key }) => { if (key === 'Escape') parent.postMessage('qiatan.close', '*') })

function shown(): void {
  stage?.setAttribute('aria-busy', 'false')
}

function fail(words = t('failed')): void {
  const told = document.createElement('p')
  told.className = 'told'
  told.setAttribute('role', 'alert')
  told.textContent = words
  stage?.replaceChildren(told)
  shown()
}

function picture(into: HTMLElement): void {
  const image = document.createElement('img')
  image.alt = ''
  image.addEventListener('load', shown)
  image.addEventListener('error', () => fail())
  image.src = file
  into.replaceChildren(image)
}

function player(into: HTMLElement, what: 'audio' | 'video'): void {
  const media = document.createElement(what)
  media.controls = true
  media.preload = 'metadata'
  media.addEventListener('loadedmetadata', shown)
  media.addEventListener('error', () => fail())
  media.src = file
  into.replaceChildren(media)
}

if (kind === 'picture') picture(stage)
else if (kind === 'audio' || kind === 'video') player(stage, kind)
else if (kind === 'pdf') {
  import('./pdf').then(({ showPdf }) => showPdf(stage, file, t)).then(shown, (error: unknown) => {
    fail(error instanceof Error && error.name === 'PasswordException' ? t('locked') : t('failed'))
  })
} else fail()
