// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from 'vitest'
import { serve, signIn, told } from '../../../settings/tests/page'
import { MOST_RELEASED, releaseCustomers } from '../release'

afterEach(() => { vi.unstubAllGlobals() })
const many = (count: number): { id: string; name: string }[] => Array.from({ length: count }, (_, at) => ({ id: String(at), name: `顾客 ${at}` }))

describe('taking customers off the blacklist', () => {
  it('that the server never heard of is told as that alone', async () => {
    serve(() => { throw new TypeError('network') })
    signIn([])
    expect(await releaseCustomers(many(1))).toEqual(new Set())
    expect(told()).toEqual(['没有移出黑名单：连不上服务器，请检查网络后重试'])
  })

  it('tells both what was done and what was not', async () => {
    const calls = serve((call) => {
      if (calls.length > 1) throw new TypeError('network')
      return { customer_ids: call.body['customer_ids'] }
    })
    signIn([])
    expect((await releaseCustomers(many(MOST_RELEASED + 1))).size).toBe(MOST_RELEASED)
    expect(told()).toEqual(['没有移出黑名单：连不上服务器，请检查网络后重试', `${MOST_RELEASED} 位顾客已移出黑名单`])
  })

  it('that others put there, or released before, is told as that', async () => {
    serve(() => ({ customer_ids: [] }))
    signIn([])
    expect(await releaseCustomers(many(2))).toEqual(new Set())
    expect(told().length).toBe(1)
  })
})
