import type { Agent, AuditEntry, PointGroup, Role, Scope } from '@qiatan/api'
import { describe, expect, it } from 'vitest'
import zhCN from '../src/i18n/zh-CN'
import { mayGive, reasons, type Reader } from '../src/settings/people/rights'
import { changesOf, difference, groupState, search, withGroup, withPoint } from '../src/settings/roles/points'
import { AREAS, sightOf } from '../src/settings/sight'
import { moduleName, pointHint, pointInModule, pointName } from '../src/ui/access'

const point = (name: string, grantable = true): PointGroup['points'][number] => ({ name, explanation: `says ${name}`, everyday: false, personal: false, grantable })
const GROUPS: PointGroup[] = [
  { name: 'conversations', points: [point('conversations.serve'), point('conversations.take'), point('conversations.end', false)] },
  { name: 'agents', points: [point('agents.view')] },
]
const [first] = GROUPS as [PointGroup]

describe('ticking points', () => {
  it('knows a group as whole, half and empty', () => {
    expect(groupState(first, new Set())).toBe('none')
    expect(groupState(first, new Set(['conversations.take']))).toBe('some')
    expect(groupState(first, new Set(['conversations.serve', 'conversations.take', 'conversations.end']))).toBe('all')
  })

  it('gives and takes a group without what the reader lacks', () => {
    expect(withGroup(first, true, ['agents.view'])).toEqual(['agents.view', 'conversations.serve', 'conversations.take'])
    expect(withGroup(first, false, ['agents.view', 'conversations.end', 'conversations.take'])).toEqual(['agents.view', 'conversations.end'])
  })

  it('makes no change when a point is ticked and unticked', () => {
    const before = ['agents.view', 'conversations.serve']
    expect(withPoint('conversations.take', false, withPoint('conversations.take', true, before))).toEqual(before)
  })

  it('names what was added and removed in the order of the page', () => {
    expect(difference(['agents.view'], ['conversations.take', 'conversations.serve'], GROUPS)).toEqual({
      added: ['conversations.serve', 'conversations.take'], removed: ['agents.view'],
    })
  })

  it('finds points by their words, and a whole group by its name', () => {
    const found = (query: string): string[] =>
      search(GROUPS, query, (group) => moduleName(group.name), (one) => `${pointName(one.name)} ${pointHint(one.name, one.explanation)}`)
        .flatMap((group) => group.points.map((one) => one.name))
    expect(found('排队')).toEqual(['conversations.take'])
    expect(found('客服')).toEqual(['agents.view'])
    expect(found('')).toHaveLength(4)
    expect(found('没有的')).toEqual([])
  })
})

describe('what the audit log says of a role', () => {
  const entry = (action: string, details: Record<string, unknown>): AuditEntry => ({
    seq: 1, at: '2026-01-01T00:00:00Z', actor: { kind: 'agent', id: null, name: '江临' }, address: '', action, subject: null, details,
  })

  it('is told change by change', () => {
    expect(changesOf(entry('role.changed', { points: [['a.b', 'c.d'], ['a.b', 'e.f']], name: ['组长', '大组长'], requires_two_factor: [false, true] }))).toEqual([
      { kind: 'added', points: ['e.f'] }, { kind: 'removed', points: ['c.d'] }, { kind: 'renamed', to: '大组长' }, { kind: 'twoFactorOn' },
    ])
    expect(changesOf(entry('role.created', { points: ['a.b'] }))).toEqual([{ kind: 'created' }])
  })

  it.each([{}, { points: 'x' }, { points: [null, 7] }, { name: ['a', 5] }])('says only that it changed where the details %j fit nothing', (details) => {
    expect(changesOf(entry('role.changed', details))).toEqual([{ kind: 'other' }])
  })
})

describe('what points show and allow', () => {
  it('names every point once', () => {
    const named = AREAS.flatMap((area) => [...area.sees, ...area.can])
    expect([...new Set(named)].sort()).toEqual([...named].sort())
    expect(named.map((one) => one.replace('.', '_')).sort()).toEqual(Object.keys(zhCN.access.point).sort())
  })

  it('says what is seen and what may be done, area by area', () => {
    expect(sightOf(['conversations.serve', 'conversations.end', 'channels.view']).filter((area) => area.sees.length > 0)).toEqual([
      { name: 'conversations', label: 'access.area.conversations', sees: ['conversations.serve'], can: ['conversations.end'] },
      { name: 'channels', label: 'access.area.channels', sees: ['channels.view'], can: [] },
    ])
  })

  it('falls back to the server’s words for a point of tomorrow', () => {
    expect(pointName('tickets.view')).toBe('tickets.view')
    expect(pointHint('tickets.view', 'See tickets')).toBe('See tickets')
    expect(pointInModule('agents.view')).toBe('客服：查看')
  })
})

describe('who may change what of an account', () => {
  const scope = (kind: Scope['kind'], ...group_ids: string[]): Scope => ({ kind, group_ids })
  const role = (points: string[], builtin: Role['builtin'] = null): Role =>
    ({ id: 'r', name: '', builtin, points, requires_two_factor: false, member_count: 1, created_at: '', version: 1 })
  const agent = (id: string, its: Scope): Agent => ({
    id, email: '', name: id, public_name: '', avatar_url: null, staff_number: '', role: { id: 'r', name: '', builtin: null }, scope: its,
    visitor_regions: { mode: 'all', regions: [] }, group_ids: [], max_conversations: 5, enabled: true, pending: false, two_factor: false, last_seen_at: null,
    locale: 'zh-CN', created_at: '', version: 1,
  })
  const reader = (holds: string[], its: Scope): Reader => ({ id: 'me', scope: its, can: (name) => holds.includes(name), holds: new Set(holds) })
  const head = reader(['agents.edit', 'agents.role', 'agents.scope', 'a.b'], scope('groups', 'g1', 'g2'))

  it('lets a head change who may do less', () => {
    expect(reasons(head, agent('x', scope('groups', 'g1')), role(['a.b']), role(['a.b']))).toEqual({ person: null, role: null, scope: null, regions: null })
  })

  it('lets nobody decide about more than they hold', () => {
    expect(reasons(head, agent('x', scope('self')), role(['a.b', 'c.d']), null).role).toBe('beyond')
    expect(reasons(head, agent('x', scope('all')), role([]), null).scope).toBe('beyond')
    expect(reasons(head, agent('x', scope('groups', 'g3')), role([]), null).person).toBe('beyond')
    expect(mayGive(head, role(['c.d']))).toBe(false)
    expect(mayGive(head, role([], 'admin'))).toBe(false)
  })

  it('lets nobody change their own rights, and everybody with the point the rest', () => {
    expect(reasons(head, agent('me', scope('groups', 'g1')), role([]), null)).toEqual({ person: null, role: 'own', scope: 'own', regions: 'own' })
  })

  it('asks for the point of each part', () => {
    const editor = reader(['agents.edit'], scope('all'))
    expect(reasons(editor, agent('x', scope('self')), role([]), null)).toEqual({ person: null, role: 'noRole', scope: 'noScope', regions: 'noScope' })
    expect(reasons(reader([], scope('all')), agent('x', scope('self')), role([]), null).person).toBe('readOnly')
  })

  it('fixes scope and regions of an administrator', () => {
    const admin = reader(['agents.edit', 'agents.role', 'agents.scope'], scope('all'))
    expect(reasons(admin, agent('x', scope('all')), role([], 'admin'), role([], 'admin'))).toEqual({ person: null, role: null, scope: 'admin', regions: 'admin' })
  })
})
