import { disableAutoUnmount, enableAutoUnmount } from '@vue/test-utils'
import { disposePinia, getActivePinia, type Pinia } from 'pinia'
import { afterAll, afterEach, vi } from 'vitest'
import { loadLocale, setLocale } from '../src/i18n'

// The files of a worker run in one thread, with one document and one set of modules. What one of them leaves behind would ask, write or be seen in the
// middle of another: everything that a page or a test can leave is ended with its file. The modules that some tests replace are not to be loaded here.

// Intervals are let alone: the document, which is theirs together, draws its frames by one.
const { setTimeout: start } = globalThis
const started: ReturnType<typeof start>[] = []
globalThis.setTimeout = ((work: () => void, ...rest: unknown[]) => {
  const timer = Reflect.apply(start, globalThis, [work, ...rest])
  started.push(timer)
  return timer
}) as typeof start

const hasDocument = typeof document !== 'undefined'
const pinias = new Set<Pinia>()
afterEach(() => {
  const pinia = hasDocument ? getActivePinia() : undefined
  if (pinia) pinias.add(pinia)
})

// What was said last in a file runs first: what is mounted goes before the stores it shows.
afterAll(async () => {
  vi.useRealTimers()
  for (const pinia of pinias) disposePinia(pinia)
  vi.unstubAllGlobals()
  globalThis.setTimeout = start
  for (const timer of started) clearTimeout(timer)
  if (!hasDocument) return
  const { dismiss, toasts } = await import('../src/ui/toasts')
  for (const { id } of toasts.value) dismiss(id)
  document.body.replaceChildren()
  localStorage.clear()
  sessionStorage.clear()
})
disableAutoUnmount()
enableAutoUnmount(afterAll)

// Both languages are here before a test begins, so that choosing one takes effect at once.
await Promise.all([loadLocale('en'), setLocale('zh-CN')])
