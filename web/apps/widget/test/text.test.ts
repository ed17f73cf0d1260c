import { describe, expect, it } from 'vitest'
import { choosePictures, MOST_BYTES } from '../src/logic/choose'
import { characters, cleaned } from '../src/logic/compose'
import { linkify } from '../src/logic/links'
import { chooseLocale, reason, setLocale, t } from '../src/i18n'
import { en } from '../src/i18n/en'
import { zh } from '../src/i18n/zh'

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

  it('have the same placeholders in every text', () => {
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const [key, text] of Object.entries(zh)) expect([key, places(en[key as keyof typeof zh])]).toEqual([key, places(text)])
  })

  it('put values in as text, and know every refusal', async () => {
    await setLocale('zh-CN')
    expect(t('serves', { name: '$& {name} <b>' })).toBe('$& {name} <b>为您服务')
    expect(reason('too_long')).toBe(zh.e_too_long)
    expect(reason('from_the_future')).toBe(zh.e_other)
    expect(reason('__proto__')).toBe(zh.e_other)
  })
})
