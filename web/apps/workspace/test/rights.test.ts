// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { addressIn } from '../src/auth/useEntry'
import { change } from '../src/stores/rights'

function me(points: string[], scope: { kind: string; group_ids: string[] } = { kind: 'self', group_ids: [] }): Me {
  return { points, agent: { scope } } as unknown as Me
}

describe('what became different in what an account may do', () => {
  it('is nothing where the same points come in another order', () => {
    expect(change(me(['a', 'b']), me(['b', 'a']))).toBeNull()
  })

  it('names what went and what came', () => {
    expect(change(me(['a', 'b']), me(['b', 'c']))).toEqual({ lost: ['a'], gained: ['c'], scope: false })
  })

  it('sees that the same points reach elsewhere, whatever the order of the groups', () => {
    const groups = (...ids: string[]) => me(['a'], { kind: 'groups', group_ids: ids })
    expect(change(groups('g1', 'g2'), groups('g2', 'g1'))).toBeNull()
    expect(change(groups('g1'), groups('g2'))).toEqual({ lost: [], gained: [], scope: true })
    expect(change(me(['a']), groups('g1'))).toMatchObject({ scope: true })
  })
})

describe('the address a refusal names', () => {
  it.each([
    ['Signing in is not allowed from the address 203.0.113.86. Ask an administrator.', '203.0.113.86'],
    ['Signing in is not allowed from the address 2001:db8::7f:1. Ask an administrator.', '2001:db8::7f:1'],
    ['Not allowed from ::ffff:203.0.113.86.', '::ffff:203.0.113.86'],
    ['203.0.113.86 不能登录', '203.0.113.86'],
    ['Not allowed (address: ::1)', '::1'],
    ['Signing in is not allowed at 09:30. Ask: an administrator.', null],
  ])('%s', (message, address) => {
    expect(addressIn(message)).toBe(address)
  })
})
