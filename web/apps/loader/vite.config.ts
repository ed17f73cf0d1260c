import { defineConfig } from 'vitest/config'

export default defineConfig({
  build: {
    outDir: '../../../src/qiatan/pages/loader',
    emptyOutDir: true,
    target: 'es2020',
    lib: { entry: 'src/main.ts', formats: ['iife'], name: 'QiatanLoader', fileName: () => 'widget.js' },
  },
  test: { name: 'loader', environment: 'jsdom', include: ['test/**/*.test.ts'] },
})
