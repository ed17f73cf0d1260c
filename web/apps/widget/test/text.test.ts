import { describe, expect, it, vi } from 'vitest'
import { choosePictures, MOST_BYTES } from '../src/logic/choose'
import { characters, cleaned } from '../src/logic/compose'
import { linkify } from '../src/logic/links'
import { chooseLocale, reason, setLocale, t } from '../src/i18n'
import zh from '../src/i18n/locales/zh-CN.json'

const LANGUAGES = import.meta.glob<typeof zh>('../src/i18n/locales/*.json', { eager: true, import: 'default' })

const links = (text: string): (string | null)[] => linkify(text).filter(({ href }) => href).map(({ href }) => href)

describe('linkify', () => {
  it('keeps every character of the text', () => {
    for (const text of ['', 'plain', 'a https://x.cn b', '看https://x.cn/路径，好', 'mailto:a@b.cn', '<b>https://a.b</b>', 'http://', '😀 www.a.com😀']) {
      expect(linkify(text).map((segment) => segment.text).join('')).toBe(text)
    }
  })

  it('finds addresses as people write them', () => {
    expect(links('看 https://example.com/a?b=1#c。')).toEqual(['https://example.com/a?b=1#c'])
    expect(links('（见https://example.com/x）')).toEqual(['https://example.com/x'])
    expect(links('see http://example.com/a_(b), and www.example.com.')).toEqual(['http://example.com/a_(b)', 'https://www.example.com/'])
    expect(links('to service@example.com!')).toEqual(['mailto:service@example.com'])
  })

  it('ends an address where Chinese goes on without a blank', () => {
    expect(links('https://example.com/item?id=123这个有货吗')).toEqual(['https://example.com/item?id=123'])
    expect(links('www.example.com好吗')).toEqual(['https://www.example.com/'])
    expect(links('https://example.com/wiki/北京')).toEqual(['https://example.com/wiki/%E5%8C%97%E4%BA%AC'])
  })

  it('makes no link of anything that could run or pretend', () => {
    for (const text of ['javascript:alert(1)', 'JAVASCRIPT://x.cn/%0aalert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'blob:https:x', 'http://nodot', 'https://']) {
      expect(links(text)).toEqual([])
    }
    // a right-to-left override ends the address: what is shown is where it goes
    expect(links('https://a.cn/\u202egnp.exe')).toEqual(['https://a.cn/'])
  })
})

describe('what may be sent', () => {
  it('counts as the server does', () => {
    expect(characters('a中😀')).toBe(3)
  })

  it('drops NUL and broken characters, and nothing else', () => {
    expect(cleaned('  a\u0000b\ud83d 😀\n\u202e ')).toBe('ab 😀\n\u202e')
    expect(cleaned(' \n\u0000 ')).toBeNull()
  })

  it('takes pictures up to 10 MiB, nine at a time, and says why not', () => {
    const file = (type: string, size = 3): File => {
      const made = new File(['abc'], 'a', { type })
      Object.defineProperty(made, 'size', { value: size })
      return made
    }
    expect(choosePictures([file('image/png', MOST_BYTES)])).toMatchObject({ fault: null })
    expect(choosePictures([file('image/png', MOST_BYTES + 1)])).toEqual({ taken: [], fault: 'tooBig' })
    expect(choosePictures([file('image/svg+xml')])).toEqual({ taken: [], fault: 'notPicture' })
    const many = choosePictures(Array.from({ length: 11 }, () => file('image/jpeg')))
    expect([many.taken.length, many.fault]).toEqual([9, 'tooMany'])
  })
})

describe('languages', () => {
  it('follow the channel, else the visitor', () => {
    expect(chooseLocale('en', ['zh-CN'])).toBe('en')
    expect(chooseLocale('auto', ['zh-TW', 'en'])).toBe('zh-CN')
    expect(chooseLocale('auto', ['fr', 'zh'])).toBe('en')
    expect(chooseLocale('auto', [])).toBe('zh-CN')
  })

  it('are found by their files, and by the visitor who reads another kind of it', () => {
    expect(Object.keys(LANGUAGES)).toEqual(['../src/i18n/locales/en.json', '../src/i18n/locales/zh-CN.json'])
    expect(chooseLocale('auto', ['en-GB', 'zh-CN'])).toBe('en')
  })

  it.each(Object.entries(LANGUAGES))('%s says everything, with the same placeholders', (_, language) => {
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const part of ['loader', 'first', 'more'] as const) {
      const [said, model] = [language[part] as Record<string, string>, zh[part] as Record<string, string>]
      expect(Object.keys(said)).toEqual(Object.keys(model))
      for (const [key, text] of Object.entries(model)) expect([key, places(said[key] ?? '')]).toEqual([key, places(text)])
    }
    expect(Object.keys(language.first).filter((key) => key in language.more)).toEqual([])
  })

  it('put values in as text, and know every refusal', async () => {
    await setLocale('zh-CN')
    expect(t('serves', { name: '$& {name} <b>' })).toBe('$& {name} <b>为您服务')
    await vi.waitUntil(() => reason('too_long') !== '')
    expect(reason('too_long')).toBe(zh.more.e_too_long)
    expect(reason('from_the_future')).toBe(zh.more.e_other)
    expect(reason('__proto__')).toBe(zh.more.e_other)
  })
})
