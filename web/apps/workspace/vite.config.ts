import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

interface Modules {
  getModuleInfo: (id: string) => { importedIds: readonly string[] } | null
}

/** Whose imports, at whatever distance, make an agent's first page. */
const ENTRY = fileURLToPath(new URL('src/main.ts', import.meta.url))
const WHOLE = new Set(['index', 'vue', 'first'])
const first = new Set<string>()

function isFirst(id: string, modules: Modules): boolean {
  const open = first.size === 0 ? [ENTRY] : []
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (first.has(next)) continue
    first.add(next)
    open.push(...modules.getModuleInfo(next)?.importedIds ?? [])
  }
  return first.has(id)
}

/** The texts of each language; the page's first script knows which is spoken. */
const TEXTS = { zh: 'src/i18n/zh-CN/index.ts', en: 'src/i18n/en/index.ts' }

function firstPage(): Plugin {
  return {
    name: 'first-page',
    // Nearly all of it runs at once: compiled beside the page's own thread, instead of function by function in it. A mere comment to some browsers.
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const one of Object.values(bundle)) if (one.type === 'chunk' && WHOLE.has(one.name)) one.code = `//# allFunctionsCalledOnLoad\n${one.code}`
      },
    },
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((one) => one.type === 'chunk')
        const texts = Object.entries(TEXTS).map(([locale, name]) => {
          const found = chunks.find((one) => one.moduleIds.some((id) => id.endsWith(name)))
          if (!found) throw new Error(`no part of the build holds ${name}: adapt vite.config.ts`)
          return `data-${locale}="/assets/workspace/${found.fileName}"`
        })
        return html.replace('<script src="/assets/workspace/boot-2.js"', `<script ${texts.join(' ')} src="/assets/workspace/boot-2.js"`)
      },
    },
  }
}

export default defineConfig({
  base: '/assets/workspace/',
  plugins: [vue(), firstPage()],
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_PROD_DEVTOOLS__: false,
  },
  test: { setupFiles: ['test/setup.ts'] },
  build: {
    outDir: '../../../src/qiatan/pages/workspace',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: scripts and no inline styles; small files stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // One sign beyond Latin makes a browser keep, and read, the whole file at two bytes a sign.
        charset: 'ascii',
        // A page needs dozens of tiny icons and shared parts: one file each, instead of one request for every icon.
        codeSplitting: {
          groups: [
            // What only one page drags along (sorting by hand, through @vueuse/integrations) stays with that page.
            { name: 'vue', test: /node_modules[\\/](@vue|vue|pinia|vue-router|@vueuse(?![\\/]integrations))[\\/]/ },
            { name: (id, modules) => (isFirst(id, modules) ? 'first' : null), debugName: 'first' },
            { name: 'icons', test: /node_modules[\\/]@lucide[\\/]/ },
            { name: 'parts', test: /src[\\/](ui|stores|app)[\\/]|packages[\\/]api[\\/]/, minShareCount: 2 },
          ],
        },
      },
    },
  },
})
