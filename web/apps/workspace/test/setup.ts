import { afterAll } from 'vitest'
import { loadLocale, setLocale } from '../src/i18n'

// The files of a worker run in one thread: a timer that one of them leaves behind would ask, or write, in the middle of another.
// Intervals are let alone: the document, which is theirs together, draws its frames by one.
const { setTimeout: start } = globalThis
const started: ReturnType<typeof start>[] = []
globalThis.setTimeout = ((work: () => void, ...rest: unknown[]) => {
  const timer = Reflect.apply(start, globalThis, [work, ...rest])
  started.push(timer)
  return timer
}) as typeof start
afterAll(() => {
  globalThis.setTimeout = start
  for (const timer of started) clearTimeout(timer)
})

// Both languages are here before a test begins, so that choosing one takes effect at once.
await Promise.all([loadLocale('en'), setLocale('zh-CN')])
