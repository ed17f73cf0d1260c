import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const LOCALES = new URL('../widget/src/i18n/locales/', import.meta.url)

/** Each language of the panel says in its own file what the launcher says in it. */
function words(): Record<string, unknown> {
  const files = readdirSync(LOCALES).filter((name) => name.endsWith('.json'))
  return Object.fromEntries(files.map((name) => [name.replace('.json', ''), (JSON.parse(readFileSync(new URL(name, LOCALES), 'utf8')) as { loader: unknown }).loader]))
}

export default defineConfig({
  define: { __WORDS__: JSON.stringify(words()) },
  build: {
    outDir: '../../../src/qiatan/pages/loader',
    emptyOutDir: true,
    target: 'es2020',
    lib: { entry: 'src/main.ts', formats: ['iife'], name: 'QiatanLoader', fileName: () => 'widget.js' },
  },
  test: { name: 'loader', environment: 'jsdom', include: ['test/**/*.test.ts'] },
})
