import { defineConfig } from 'vite'

/** The page that shows files of strangers: built apart, so that it shares not a line with the workspace. */
export default defineConfig({
  root: 'viewer',
  base: '/assets/viewer/',
  publicDir: false,
  build: {
    outDir: '../../../../src/qiatan/pages/viewer',
    emptyOutDir: true,
    assetsDir: '',
    assetsInlineLimit: 0,
    target: 'es2022',
    modulePreload: false,
  },
})
