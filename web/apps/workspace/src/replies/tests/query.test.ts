import { describe, expect, it } from 'vitest'
import { queryAt } from '../query'

describe('the # word at the caret', () => {
  it.each([
    ['#', '', 0],
    ['#换', '换', 0],
    ['好的 #hh', 'hh', 3],
    ['好的#hh', 'hh', 2],
    ['好的，＃退', '退', 3],
    ['a\n#退', '退', 2],
  ])('%s looks for it', (text, query, from) => {
    expect(queryAt(text, text.length)).toEqual({ query, from, to: text.length })
  })

  it.each(['C#', 'https://pine.example/#top', '订单1#2', '#退 换', '##', `#${'长'.repeat(31)}`])('%s is text', (text) => {
    const found = queryAt(text, text.length)
    expect(text === '##' ? found?.query ?? null : found).toEqual(null)
  })

  it('what stands behind the caret does not count', () => {
    expect(queryAt('#退换', 2)).toEqual({ query: '退', from: 0, to: 2 })
  })
})
