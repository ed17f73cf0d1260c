import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

interface Modules {
  getModuleInfo: (id: string) => { importedIds: readonly string[] } | null
}

/** What every page of an agent needs, and what the conversations need beside it. */
const SHELL = ['main.ts', 'app/AppShell.vue']
const DESK = ['conversations/ConversationsPage.vue', 'conversations/background.ts', 'conversations/offers/OfferCards.vue']
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

export default defineConfig({
  base: '/assets/workspace/',
  plugins: [vue()],
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
