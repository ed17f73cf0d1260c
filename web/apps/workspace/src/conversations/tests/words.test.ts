// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from 'vitest'
import { setLocale } from '../../i18n'
import { customerName, shownName } from '../layout/customerName'
import { safeHref, textParts } from '../model/links'
import { fitted, refusalOf } from '../model/pictures'
import { lengthOf } from '../model/text'
import { clockTime, countUp, dayKey, dayName, longDate, secondsSince, urgency } from '../model/time'

const ZONE = 'Asia/Shanghai'
const NOON = Date.parse('2026-11-22T04:00:00Z')

describe('time', () => {
  it('is read in the enterprise’s zone', () => {
    expect(clockTime('2026-11-21T17:05:00Z', ZONE)).toBe('01:05')
    expect(dayName('2026-11-21T17:05:00Z', NOON, ZONE)).toBe('today')
    expect(dayName('2026-11-21T15:05:00Z', NOON, ZONE)).toBe('yesterday')
    expect(dayName('2026-11-20T15:05:00Z', NOON, ZONE)).toBeNull()
  })

  it('knows yesterday on the day a clock changes', () => {
    const afterChange = Date.parse('2026-03-08T20:00:00Z')
    expect(dayName('2026-03-07T20:00:00Z', afterChange, 'America/New_York')).toBe('yesterday')
  })

  it('drops the year within it and puts a space between Han and digits', () => {
    expect(longDate('2026-11-07T04:00:00Z', NOON, ZONE, 'zh-CN')).toBe('11 月 7 日')
    expect(longDate('2025-11-07T04:00:00Z', NOON, ZONE, 'zh-CN')).toBe('2025 年 11 月 7 日')
  })

  it('takes no formatter of the browser where the clocks of a zone stand still, and says what the browser would', () => {
    const zones = ['Asia/Shanghai', 'Asia/Urumqi', 'Asia/Hong_Kong', 'Asia/Macau', 'Asia/Taipei', 'Asia/Singapore', 'Asia/Tokyo', 'Asia/Bangkok', 'UTC']
    const moments = Array.from({ length: 60 * 24 }, (_, index) => Date.UTC(1992, 0, 1) + index * 15.2 * 86_400_000)
    for (const timeZone of zones) {
      const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone })
      const day = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit', timeZone })
      const formatter = vi.spyOn(Intl, 'DateTimeFormat').mockImplementation(() => { throw new Error('made a formatter') })
      const own = moments.map((at) => [clockTime(new Date(at).toISOString(), timeZone), dayKey(at, timeZone)])
      formatter.mockRestore()
      expect(own).toEqual(moments.map((at) => [clock.format(at), day.format(at)]))
    }
  })

  it('asks the browser for what lay before, and for zones that change their clocks', () => {
    expect(clockTime('1990-07-01T00:00:00Z', ZONE)).toBe('09:00')
    expect([clockTime('2026-07-01T00:00:00Z', 'Europe/Berlin'), clockTime('2026-12-01T00:00:00Z', 'Europe/Berlin')]).toEqual(['02:00', '01:00'])
  })

  it('writes a day in English as the browser does', () => {
    expect([longDate('2026-11-07T04:00:00Z', NOON, ZONE, 'en'), longDate('2025-11-07T04:00:00Z', NOON, ZONE, 'en')]).toEqual(['November 7', 'November 7, 2025'])
  })

  it('counts up from the last unanswered message', () => {
    expect([24, 92, 727, 3729].map(countUp)).toEqual(['0:24', '1:32', '12:07', '1:02:09'])
    expect(secondsSince('2026-11-22T04:00:10Z', NOON)).toBe(0)
    expect([59, 60, 119, 120].map(urgency)).toEqual(['calm', 'soon', 'soon', 'late'])
  })
})

describe('addresses in a text', () => {
  it('become links without the stop that ends the sentence', () => {
    expect(textParts('见 https://a.example/x?y=1。谢谢')).toEqual([
      { text: '见 ', href: null },
      { text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' },
      { text: '。谢谢', href: null },
    ])
  })

  it('end where Chinese goes on without a blank, and not within their own path', () => {
    const first = (text: string): string | undefined => textParts(text).find((part) => part.href !== null)?.text
    expect(first('https://a.example/item?id=123这个有货吗')).toBe('https://a.example/item?id=123')
    expect(first('看https://a.example好吗')).toBe('https://a.example')
    expect(first('https://a.example/wiki/北京')).toBe('https://a.example/wiki/北京')
    expect(first('https://www.茶具.example/1')).toBe('https://www.茶具.example/1')
    expect(first('https://shop茶具.example/1')).toBe('https://shop茶具.example/1')
  })

  it('lose nothing of the text', () => {
    for (const text of ['', 'https://a.example/1有', '<script>alert(1)</script>', 'http://', 'a\nb  c', 'https://user:pw@bank.example/ 看']) {
      expect(textParts(text).map((part) => part.text).join('')).toBe(text)
    }
  })

  it('are web addresses only, with no name before the host', () => {
    expect(safeHref('javascript:alert(1)')).toBeNull()
    expect(safeHref('https://bank.example@evil.example/')).toBeNull()
    expect(safeHref('https://a.example/')).toBe('https://a.example/')
  })
})

describe('pictures', () => {
  it('are refused before they are sent', () => {
    expect(refusalOf({ type: 'image/png', size: 10 * 1024 * 1024 })).toBeNull()
    expect(refusalOf({ type: 'image/png', size: 10 * 1024 * 1024 + 1 })).toBe('tooLarge')
    expect(refusalOf({ type: 'image/svg+xml', size: 10 })).toBe('notPicture')
    expect(refusalOf({ type: 'image/jpeg', size: 0 })).toBe('empty')
  })

  it('keep their proportions and are never enlarged', () => {
    expect(fitted(2000, 1000, { width: 200, height: 200 })).toEqual({ width: 200, height: 100 })
    expect(fitted(50, 40, { width: 200, height: 200 })).toEqual({ width: 50, height: 40 })
  })
})

it('counts a text in code points, as the server does', () => {
  expect(lengthOf('好😀')).toBe(2)
})

describe('customers', () => {
  const id = '01a2029f-ae6a-7137-9e4b-d2c64f02f81c'
  afterEach(() => setLocale('zh-CN'))

  it('a nameless visitor is called one in the reader’s language, a given name stays', async () => {
    expect(customerName({ id, name: '访客 2F81C' })).toBe('访客 2F81C')
    await setLocale('en')
    expect(customerName({ id, name: '访客 2F81C' })).toBe('Visitor 2F81C')
    expect(customerName({ id, name: '陈若溪' })).toBe('陈若溪')
    expect(customerName({ id, name: '王 老 2F81C' })).toBe('王 老 2F81C')
    expect(customerName({ id, name: '' })).toBe('Visitor')
    expect(['访客 2F81C', '陈若溪', '访客 小王', ''].map(shownName)).toEqual(['Visitor 2F81C', '陈若溪', '访客 小王', 'Visitor'])
  })
})
