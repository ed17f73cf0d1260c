// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest'
import { Drafts } from '../model/drafts'

const DAY = 86_400_000

describe('drafts', () => {
  beforeEach(() => localStorage.clear())

  it('outlive the page, each for its conversation and agent', () => {
    new Drafts(localStorage, 'me').write('a', '您好，')
    const later = new Drafts(localStorage, 'me')
    expect(later.read('a')).toBe('您好，')
    expect(later.read('b')).toBe('')
    expect(new Drafts(localStorage, 'somebody').read('a')).toBe('')
  })

  it('go when nothing is left of them', () => {
    const drafts = new Drafts(localStorage, 'me')
    drafts.write('a', '您好')
    drafts.write('a', '  ')
    expect(drafts.all().size).toBe(0)
    expect(localStorage.length).toBe(0)
  })

  it('are forgotten after thirty days, and never more than two hundred', () => {
    let now = 100 * DAY
    const drafts = new Drafts(localStorage, 'me', () => now)
    drafts.write('old', '旧的')
    now += 31 * DAY
    for (let index = 0; index < 205; index += 1) {
      now += 1
      drafts.write(`new-${index}`, '新的')
    }
    const all = drafts.all()
    expect(all.size).toBe(200)
    expect(all.has('old')).toBe(false)
    expect(all.has('new-0')).toBe(false)
    expect(all.has('new-204')).toBe(true)
  })

  it('another program’s value under the key is no draft', () => {
    localStorage.setItem('qiatan.draft.me.a', '{not json')
    expect(new Drafts(localStorage, 'me').read('a')).toBe('')
  })

  it('says so when the browser has no room', () => {
    const full = { ...localStorage, removeItem: () => undefined, setItem: () => { throw new DOMException('full', 'QuotaExceededError') } } as unknown as Storage
    expect(new Drafts(full, 'me').write('a', '您好')).toBe(false)
  })
})
