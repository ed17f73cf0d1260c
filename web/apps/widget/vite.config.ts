import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: '/assets/widget/',
  plugins: [vue()],
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
    // its helper would weigh more than the small parts it fetches ahead
    modulePreload: false,
  },
  test: { name: 'widget', environment: 'jsdom', include: ['test/**/*.test.ts'] },
})
