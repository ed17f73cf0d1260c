import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/assets/workspace/',
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
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
            { name: 'vue', test: /node_modules[\\/](@vue|vue|pinia|vue-router|vue-i18n|@intlify|@vueuse(?![\\/]integrations))[\\/]/ },
            { name: 'icons', test: /node_modules[\\/]@lucide[\\/]/ },
            { name: 'parts', test: /src[\\/](ui|stores|i18n|app)[\\/]|src[\\/](api|live)\.ts|packages[\\/]api[\\/]/, minShareCount: 2 },
          ],
        },
      },
    },
  },
})
