import { describe, expect, it } from 'vitest'
import { readable, stepsOf, walked, type VisitPage } from '../model/track'
import type { Visit } from '../model/types'

const visit = (over: Partial<Visit> = {}): Visit => ({ id: 'v', page_url: 'https://a.example/2', page_title: '二', last_seen_at: '2026-11-22T06:03:00Z', ...over }) as Visit
const page = (number: number, minute: number): VisitPage => ({ url: `https://a.example/${number}`, title: `${number}`, at: `2026-11-22T06:0${minute}:00Z` })

describe('the pages of a stay', () => {
  it('begin with the one that was gone to last', () => {
    expect(walked({ visit: visit(), pages: [page(1, 1)] }, visit())).toEqual([{ url: 'https://a.example/2', title: '二', at: '2026-11-22T06:03:00Z' }, page(1, 1)])
  })

  it('count a page that is told again once, with the name it has now', () => {
    expect(walked({ visit: visit(), pages: [page(2, 1)] }, visit())).toEqual([{ ...page(2, 1), title: '二' }])
  })

  it('begin anew with another stay, and end nowhere where no page is known', () => {
    expect(walked({ visit: visit({ id: 'before' }), pages: [page(1, 1)] }, visit()).map((one) => one.url)).toEqual(['https://a.example/2'])
    expect(walked({ visit: visit(), pages: [page(1, 1)] }, visit({ page_url: null }))).toEqual([page(1, 1)])
    expect(walked({ visit: null, pages: [] }, visit()).length).toBe(1)
  })

  it('are thirty at most', () => {
    const pages = Array.from({ length: 30 }, (_, at) => page(at + 10, 1))
    expect(walked({ visit: visit(), pages }, visit()).map((one) => one.url)).toEqual(['https://a.example/2', ...pages.slice(0, 29).map((one) => one.url)])
  })

  it('are shown by name with how long they were looked at, or by their address', () => {
    const steps = stepsOf([page(3, 7), { ...page(2, 5), title: ' ' }, page(1, 1)], '2026-11-22T06:06:00Z')
    expect(steps.map(({ name, path, seconds }) => [name, path, seconds])).toEqual([['3', '/3', null], ['a.example/2', '', 120], ['1', '/1', 240]])
    expect(new Set(steps.map((one) => one.key)).size).toBe(3)
  })

  it('tell on which of them the conversation began', () => {
    const began = (at: string): boolean[] => stepsOf([page(3, 7), page(2, 5), page(1, 1)], at).map((one) => one.talked)
    expect(began('2026-11-22T06:06:00Z')).toEqual([false, true, false])
    expect(began('2026-11-22T06:07:00Z')).toEqual([true, false, false])
    expect(began('2026-11-22T05:00:00Z')).toEqual([false, false, false])
  })
})

it('an address is read as it was written, and one that was written wrongly stays as it is', () => {
  expect(readable('https://a.example/%E8%8C%B6')).toBe('a.example/茶')
  expect(readable('https://a.example/%E8')).toBe('https://a.example/%E8')
})
