// Copies a folder of ready files to where the server looks for pages: node copy.mjs FROM TO
import { cp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'

const [from, to] = process.argv.slice(2)
if (!from || !to) throw new Error('usage: node copy.mjs FROM TO')
await rm(resolve(to), { recursive: true, force: true })
await cp(resolve(from), resolve(to), { recursive: true })
