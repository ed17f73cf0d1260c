import type { Agent, Group } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import { roster } from '../src/settings/people/roster'
import { opens, searchTree, TREE } from '../src/settings/tree'
import { badSite } from '../src/settings/web/limits'

function agent(id: string, over: Partial<Agent> = {}): Agent {
  return {
    id, email: `${id}@example.com`, name: id, public_name: '', avatar_url: null, staff_number: '', role: { id: 'r1', name: '', builtin: 'agent' },
    scope: { kind: 'self', group_ids: [] }, visitor_regions: { mode: 'all', regions: [] }, group_ids: [], max_conversations: 5, enabled: true, pending: false,
    two_factor: false, last_seen_at: null, locale: 'zh-CN', created_at: '2026-01-01T00:00:00Z', version: 1, ...over,
  }
}
const group = (id: string): Group => ({ id, name: id, member_ids: [], version: 1 })

describe('the list of agents', () => {
  it('shows an agent of two groups in both, and keeps an empty group', () => {
    const sections = roster([agent('a', { group_ids: ['g1', 'g2'] })], [group('g1'), group('g2'), group('g3')], '')
    expect(sections.map((section) => [section.group?.id, section.agents.map((one) => one.id)])).toEqual([['g1', ['a']], ['g2', ['a']], ['g3', []]])
  })

  it('puts invited and disabled agents last, whatever their groups', () => {
    const sections = roster([agent('a', { pending: true, group_ids: ['g1'] }), agent('b', { enabled: false, group_ids: ['g1'] }), agent('c')], [], '')
    expect(sections.map((section) => [section.kind, section.agents[0]?.id])).toEqual([['none', 'c'], ['pending', 'a'], ['disabled', 'b']])
  })

  it('counts an agent whose groups are all gone as without group', () => {
    expect(roster([agent('a', { group_ids: ['deleted'] })], [], '')[0]?.kind).toBe('none')
  })

  it('finds by name and by e-mail and hides groups without a match', () => {
    const sections = roster([agent('Anna', { group_ids: ['g1'] }), agent('Bo')], [group('g1'), group('g2')], 'ANNA@')
    expect(sections.map((section) => section.group?.id)).toEqual(['g1'])
  })

  it('finds by staff number', () => {
    expect(roster([agent('Anna', { staff_number: '1006' }), agent('Bo')], [], '100').map((section) => section.agents.map((one) => one.id))).toEqual([['Anna']])
  })

  it('shows one role only, and no group without anybody of it', () => {
    const leader = { id: 'r2', name: '组长', builtin: null }
    const sections = roster([agent('a', { group_ids: ['g1'], role: leader }), agent('b', { group_ids: ['g2'] })], [group('g1'), group('g2')], '', 'r2')
    expect(sections.map((section) => [section.group?.id, section.agents.map((one) => one.id)])).toEqual([['g1', ['a']]])
  })
})

describe('the search of settings', () => {
  const words = (key: string): string => key

  it('finds a page by what stands on it', () => {
    expect(searchTree('greeting', words).flatMap((found) => found.items.map((item) => item.to))).toEqual(['/settings/web'])
  })

  it('finds nothing where nothing matches', () => {
    expect(searchTree('zzz', words)).toEqual([])
  })

  it('shows all without a query', () => {
    expect(searchTree('  ', words).flatMap((found) => found.items)).toEqual(TREE.flatMap((one) => one.items.map((item) => ({ ...item, matched: [] }))))
  })
})

describe('allowed sites', () => {
  it.each(['https://www.example.com', 'http://localhost:3000', 'https://例子.中国'])('takes %s', (site) => {
    expect(badSite([site])).toBe(null)
  })

  it.each(['www.example.com', 'https://example.com/shop', 'https://*.example.com', 'ftp://example.com', 'https://a@example.com', ''])('refuses %j', (site) => {
    expect(badSite(['https://ok.example', site])).toBe(2)
  })
})

describe('which settings somebody sees', () => {
  const seen = (...points: string[]): string[] =>
    TREE.flatMap((group) => group.items.filter((item) => opens(item, (point) => points.includes(point))).map((item) => item.to))

  it('without any right: the own ones', () => {
    expect(seen()).toEqual(['/settings/profile', '/settings/own-security'])
  })

  it('by rights: what they open, the sign-in rules also for readers of the log', () => {
    expect(seen('channels.view')).toEqual(['/settings/profile', '/settings/own-security', '/settings/web'])
    expect(seen('security.logins')).toEqual(['/settings/profile', '/settings/own-security', '/settings/security'])
    expect(seen('security.view')).toEqual(['/settings/profile', '/settings/own-security', '/settings/security', '/settings/sso'])
  })
})
