import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const WORKSPACE = fileURLToPath(new URL('apps/workspace', import.meta.url))

/** Tests that put something of their own in a module's place: nobody may have loaded it before them, nor find it so after them. */
const replacing = ['src', 'test'].flatMap((folder) =>
  readdirSync(`${WORKSPACE}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `${folder}/${file}`)
    .filter((file) => /\bvi\.(mock|doMock|resetModules)\(/.test(readFileSync(`${WORKSPACE}/${file}`, 'utf8'))),
)
const workspace = { extends: './apps/workspace/vite.config.ts', root: WORKSPACE }

export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'apps/loader',
      'apps/widget',
      // The other tests of a worker share their modules: half a hundred files would load the same ones, and a document, each for itself.
      { ...workspace, test: { name: 'workspace', pool: 'threads', isolate: false, include: ['{src,test}/**/*.test.ts'], exclude: replacing } },
      { ...workspace, test: { name: 'workspace, parts replaced', include: replacing } },
    ],
  },
})
