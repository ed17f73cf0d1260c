import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'vue/compiler-sfc'
import { describe, expect, it } from 'vitest'
import en from '../src/i18n/en'
import zhCN from '../src/i18n/zh-CN'

type Tree = { [key: string]: string | Tree }

function leaves(tree: Tree, path = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(path + key, value)
    else for (const [inner, text] of leaves(value, `${path}${key}.`)) found.set(inner, text)
  }
  return found
}

const zh = leaves(zhCN)
const english = leaves(en)
const places = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()

describe('the two languages', () => {
  it('have the same keys', () => {
    expect([...english.keys()].sort()).toEqual([...zh.keys()].sort())
  })

  it('have text behind every key', () => {
    for (const [key, text] of [...zh, ...english]) expect(text.trim(), key).not.toBe('')
  })

  it('name the same places to fill in', () => {
    for (const [key, text] of zh) {
      // A plural names its places in one of its forms.
      expect(places(english.get(key) ?? '').filter((place) => !places(text).includes(place)), key).toEqual([])
      expect(places(text).filter((place) => !places(english.get(key) ?? '').includes(place)), key).toEqual([])
    }
  })

  it('writes English without Chinese characters', () => {
    for (const [key, text] of english) expect(/\p{Script=Han}/u.test(text), `${key}: ${text}`).toBe(false)
  })
})

const SOURCE = join(import.meta.dirname, '..', 'src')
const components = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.vue'))
const SPOKEN = new Set(['title', 'placeholder', 'alt', 'label', 'aria-label', 'aria-description'])

interface TemplateNode {
  type: number
  content?: unknown
  children?: TemplateNode[]
  props?: { type: number; name: string; value?: { content: string } }[]
}
const TEXT = 2
const ATTRIBUTE = 6

/** Words of any language that stand in a template instead of behind a key. */
function bareWords(node: TemplateNode): string[] {
  const found: string[] = []
  if (node.type === TEXT && typeof node.content === 'string' && /\p{L}/u.test(node.content)) found.push(node.content.trim())
  for (const prop of node.props ?? []) {
    if (prop.type === ATTRIBUTE && SPOKEN.has(prop.name) && /\p{L}/u.test(prop.value?.content ?? '')) found.push(prop.value?.content ?? '')
  }
  for (const child of node.children ?? []) found.push(...bareWords(child))
  return found
}

describe('templates', () => {
  it.each(components)('%s holds no words of its own', (name) => {
    const { descriptor } = parse(readFileSync(join(SOURCE, name), 'utf8'))
    expect(descriptor.template?.ast ? bareWords(descriptor.template.ast as unknown as TemplateNode) : []).toEqual([])
    const script = (descriptor.scriptSetup?.content ?? '').replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
    expect(/\p{Script=Han}/u.test(script)).toBe(false)
  })

  it('are allowed by the content security policy: no style attributes', () => {
    for (const name of components) {
      const { descriptor } = parse(readFileSync(join(SOURCE, name), 'utf8'))
      expect(/\sstyle="/.test(descriptor.template?.content ?? ''), name).toBe(false)
    }
  })
})

describe('the codes of the protocol', () => {
  const protocol = readFileSync(join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'protocol.md'), 'utf8')
  const afterwards = (start: string, end: string): string => {
    const from = protocol.indexOf(start)
    expect(from, `docs/protocol.md says "${start}"`).toBeGreaterThan(-1)
    return protocol.slice(from, protocol.indexOf(end, from))
  }
  const codes = new Set(
    [afterwards('  400 `', '\n- '), afterwards('Error codes on the socket:', '\n\n')]
      .flatMap((text) => [...text.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)])
      .map((match) => match[1] ?? '')
      // Named in the list as what comes with `too_many`, and as no code.
      .filter((code) => code !== 'retry_after'),
  )

  it('are found', () => {
    expect(codes.size).toBeGreaterThan(25)
  })

  it.each([...codes])('%s is translated', (code) => {
    expect(zh.get(`errors.${code}`)).toBeTruthy()
    expect(english.get(`errors.${code}`)).toBeTruthy()
  })
})
