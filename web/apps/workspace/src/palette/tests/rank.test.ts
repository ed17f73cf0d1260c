import { describe, expect, it } from 'vitest'
import { best } from '../rank'

const labels = (query: string, items: readonly { label: string; words?: string[] }[], most = 9) => best(items, query, most).map((one) => one.label)

describe('what the palette shows first', () => {
  const pages = [{ label: '客服与分组' }, { label: '分配规则' }, { label: '角色与权限', words: ['分组组长'] }, { label: '对话' }]

  it('names that begin with it, then those that hold it, then what is found by other words', () => {
    expect(labels('分', pages)).toEqual(['分配规则', '客服与分组', '角色与权限'])
  })

  it('a word inside a name counts more than a part of one', () => {
    expect(labels('tag', [{ label: 'Stage' }, { label: 'Customer tags' }])).toEqual(['Customer tags', 'Stage'])
  })

  it('without a query the first ones, in their order', () => {
    expect(labels(' ', pages, 2)).toEqual(['客服与分组', '分配规则'])
  })
})

it('finds among ten thousand names before a key is up again', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => ({ label: `顾客 ${index}` }))
  expect(labels('顾客 9999', many)).toEqual(['顾客 9999'])
})
