import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

interface Modules {
  getModuleInfo: (id: string) => { importedIds: readonly string[] } | null
}

/** What every page of an agent needs, and what the conversations need beside it. */
const SHELL = ['main.ts', 'app/AppShell.vue']
const DESK = ['conversations/ConversationsPage.vue', 'conversations/background.ts', 'conversations/offers/OfferCards.vue']
const FIRST = new Set(['index', 'vue', 'first', 'desk', 'AppShell'])
const known = new Map<string, Set<string>>()

/** Whether one of the files imports a module, at whatever distance. */
function isPartOf(names: readonly string[], id: string, modules: Modules): boolean {
  const key = names.join(' ')
  let found = known.get(key)
  if (!found) {
    found = new Set()
    const open = names.map((name) => fileURLToPath(new URL(`src/${name}`, import.meta.url)))
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue
      found.add(next)
      open.push(...modules.getModuleInfo(next)?.importedIds ?? [])
    }
    known.set(key, found)
  }
  return found.has(id)
}

/** Parts that every agent's first page imports when its code runs: named in the page, they come and are compiled before that. */
const SOON = ['app/AppShell.vue', 'conversations/ConversationsPage.vue', 'conversations/background.ts']
/** The texts of each language; the page's first script knows which is spoken. */
const TEXTS = { zh: ['src/i18n/zh-CN/index.ts', 'locale/lang/zh-cn.mjs'], en: ['src/i18n/en/index.ts'] }

function firstPage(): Plugin {
  return {
    name: 'first-page',
    // Nearly all of it runs at once: compiled beside the page's own thread, instead of function by function in it. A mere comment to some browsers.
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const one of Object.values(bundle)) if (one.type === 'chunk' && FIRST.has(one.name)) one.code = `//# allFunctionsCalledOnLoad\n${one.code}`
      },
    },
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((one) => one.type === 'chunk')
        const partOf = (name: string): string => {
          const found = chunks.find((one) => one.moduleIds.some((id) => id.endsWith(name)) || one.facadeModuleId?.endsWith(name))
          if (!found) throw new Error(`no part of the build holds ${name}: adapt vite.config.ts`)
          return found.fileName
        }
        const named = (file: string): string => `/assets/workspace/${file}`
        const all = new Set<string>()
        const styles = new Set<string>()
        const open = SOON.map((name) => partOf(`src/${name}`))
        for (let next = open.pop(); next !== undefined; next = open.pop()) {
          if (all.has(next)) continue
          all.add(next)
          const chunk = chunks.find((one) => one.fileName === next)
          open.push(...chunk?.imports ?? [])
          for (const style of chunk?.viteMetadata?.importedCss ?? []) styles.add(style)
        }
        const isThere = (file: string): boolean => html.includes(named(file))
        const texts = Object.entries(TEXTS).map(([locale, names]) => `data-${locale}="${names.map((name) => named(partOf(name))).join(' ')}"`).join(' ')
        return {
          html: html.replace('<script src="/assets/workspace/boot-1.js"', `<script ${texts} src="/assets/workspace/boot-1.js"`),
          tags: [
            ...[...all].filter((file) => !isThere(file)).map((file) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: named(file) }, injectTo: 'head' as const })),
            ...[...styles].filter((file) => !isThere(file)).map((file) => ({ tag: 'link', attrs: { rel: 'preload', as: 'style', crossorigin: true, href: named(file) }, injectTo: 'head' as const })),
          ],
        }
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
        // A page needs dozens of tiny icons and shared parts: one file each, instead of one request for every icon.
        codeSplitting: {
          groups: [
            // What only one page drags along (sorting by hand, through @vueuse/integrations) stays with that page.
            { name: 'vue', test: /node_modules[\\/](@vue|vue|pinia|vue-router|@vueuse(?![\\/]integrations))[\\/]/ },
            { name: 'icons', test: /node_modules[\\/]@lucide[\\/]/ },
            // The first page of an agent comes in few files, with nothing in them that only other pages share.
            { name: (id, modules) => (isPartOf([...SHELL, ...DESK], id, modules) ? 'first' : null), debugName: 'first', minShareCount: 2 },
            { name: (id, modules) => (isPartOf(DESK, id, modules) ? 'desk' : null), debugName: 'desk' },
            { name: 'parts', test: /src[\\/](ui|stores|app)[\\/]|packages[\\/]api[\\/]/, minShareCount: 2 },
          ],
        },
      },
    },
  },
})
