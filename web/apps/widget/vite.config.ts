import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Fetching ahead and style files for parts are not used here (parts bring their rules along), so a part is fetched by a plain `import()`. */
function plainImports(): Plugin {
  return {
    name: 'plain-imports',
    enforce: 'pre',
    load: (id) => (id.endsWith('vite/preload-helper.js') ? 'export const __vitePreload = (load) => load()' : null),
  }
}

const PART = /\.json\?(first|more)$/

/** Cuts a language's one file in two (src/i18n): the words of the plain chat, and those of its parts. */
function words(): Plugin {
  return {
    name: 'words',
    enforce: 'pre',
    load: async (id) => {
      const part = PART.exec(id)?.[1]
      if (!part) return null
      const file = JSON.parse(await readFile(id.replace(/\?.*/, ''), 'utf8')) as Record<string, unknown>
      return { code: `export default ${JSON.stringify(file[part])}`, moduleType: 'js' }
    },
  }
}

/** `words-en` and `more-en` beside `Queue`: scripts/size.mjs knows them by these names. */
function chunkName({ facadeModuleId }: { facadeModuleId?: string | null }): string {
  const part = PART.exec(facadeModuleId ?? '')?.[1]
  return part ? `${part === 'first' ? 'words' : part}-${basename(facadeModuleId ?? '').replace(/\.json.*/, '')}-[hash].js` : '[name]-[hash].js'
}

const ENTRY = fileURLToPath(new URL('./src/main.ts', import.meta.url))

interface Context {
  getModuleInfo: (id: string) => { importedIds: readonly string[] } | null
}

/** Exported beside what the plain chat needs, and used by its parts alone. */
const FOR_PARTS = /packages\/live\/src\/(blobs|resumable|rich|upload)\.ts$/

/** By what parts bring their rules along: in a file of its own it would weigh more than twice as much, and come as one request more. */
const OF_PARTS = /src\/logic\/style\.ts$/

/** All that the plain chat needs lies in one file, whatever parts share with it: cut in two it weighs more and comes later. */
function together(): (id: string, context: Context) => string | null {
  const first = new Set<string>()
  const add = (id: string, context: Context): void => {
    for (const imported of context.getModuleInfo(id)?.importedIds ?? []) {
      if (first.has(imported) || FOR_PARTS.test(imported)) continue
      first.add(imported)
      add(imported, context)
    }
  }
  return (id, context) => {
    if (first.size === 0) add(ENTRY, context)
    return first.has(id) || OF_PARTS.test(id) ? 'panel' : null
  }
}

export default defineConfig(({ command }) => ({
  base: '/assets/widget/',
  // src/dom.ts: what is in the panel's first files. Tests run on Vue's own DOM.
  resolve: { alias: command === 'build' ? [{ find: /^vue$/, replacement: fileURLToPath(new URL('./src/dom.ts', import.meta.url)) }] : [] },
  // long runs of plain markup would otherwise become text that is parsed as HTML
  plugins: [plainImports(), words(), vue({ template: { compilerOptions: { transformHoist: null } } })],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  build: {
    outDir: '../../../src/qiatan/pages/widget',
    emptyOutDir: true,
    assetsDir: '',
    assetsInlineLimit: 0,
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { chunkFileNames: chunkName, codeSplitting: { groups: [{ name: together() }] } } },
  },
  test: { name: 'widget', environment: 'jsdom', include: ['test/**/*.test.ts'] },
}))
