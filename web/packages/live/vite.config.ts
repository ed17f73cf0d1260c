import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { name: 'live', environment: 'jsdom', include: ['test/**/*.test.ts'] },
})
