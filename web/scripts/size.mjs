// Weighs what a visitor downloads, gzip, against the budgets of the design; fails over them. Needs a build.
import { readdir, readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const pages = resolve(dirname(fileURLToPath(import.meta.url)), '../../src/qiatan/pages')
const weigh = async (path) => gzipSync(await readFile(path), { level: 9 }).length

/**
 * The page itself, what it names, and the heaviest of the languages: what is there when the plain chat is open. `more` names parts that
 * are fetched besides, by the beginning of their names; with any of them comes the rest of the language.
 */
async function panel(more = []) {
  const folder = resolve(pages, 'widget')
  const html = await readFile(resolve(folder, 'index.html'), 'utf8')
  const named = [...html.matchAll(/\/assets\/widget\/([\w.-]+)/g)].map(([, name]) => name)
  const names = await readdir(folder)
  const heaviest = async (kind) => Math.max(0, ...(await Promise.all(names.filter((name) => name.startsWith(kind)).map((name) => weigh(resolve(folder, name))))))
  const language = (await heaviest('words-')) + (more.length > 0 ? await heaviest('more-') : 0)
  if (named.length < 2 || language === 0) throw new Error('the built panel looks different: adapt scripts/size.mjs')
  const loaded = new Set(named)
  for (const part of more) {
    const found = names.find((name) => name.startsWith(`${part}-`) && name.endsWith('.js'))
    if (!found) throw new Error(`the built panel has no part named ${part}: adapt scripts/size.mjs`)
    loaded.add(found)
  }
  // What a loaded script imports statically is loaded with it; a dynamic import has a bracket and comes on demand.
  for (const name of loaded) {
    if (!name.endsWith('.js')) continue
    const code = await readFile(resolve(folder, name), 'utf8')
    for (const [, imported] of code.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) loaded.add(imported)
  }
  const parts = await Promise.all(['index.html', ...loaded].map((name) => weigh(resolve(folder, name))))
  return parts.reduce((sum, size) => sum + size, language)
}

const rows = [
  ['loader', await weigh(resolve(pages, 'loader/widget.js')), 5_000],
  ['panel, opened', await panel(), 45_000],
  ['panel, queueing', await panel(['Queue', 'Menu']), 49_500],
]
let over = false
for (const [name, size, most] of rows) {
  const mark = size < most ? 'ok' : 'OVER'
  if (size >= most) over = true
  console.log(`${name.padEnd(16)} ${String(size).padStart(6)} B gzip of ${most}  ${mark}`)
}
if (over) process.exitCode = 1
