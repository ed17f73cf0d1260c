// @vitest-environment jsdom
import type { ApiKey, AuditEntry, LoginPolicy } from '@qiatan/api'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { setLocale } from '../src/i18n'
import { askedBy, filterOf, queryOf } from '../src/settings/audit/filters'
import { actorName, detailRows, sentence, valueText } from '../src/settings/audit/sentence'
import { expiresAt, expiryFault, firstDay, stateOf } from '../src/settings/keys/expiry'
import { faultsOf, isIssuer } from '../src/settings/oidc/provider'
import { addressFault, formOf, parseAddress, writeAddress } from '../src/settings/security/address'
import { byDay, dayStart, dayTitle, nextDay } from '../src/settings/security/days'
import { draftOf, lastUsed, policyFault, toggled } from '../src/settings/security/policy'
import { reasonText, regionText, verdictText } from '../src/settings/security/words'
import { moment } from '../src/ui/time'

const ZONE = 'Asia/Shanghai'
const NOW = Date.parse('2026-11-22T04:00:00Z')
const ID = '0198b7c2-7c1e-7a1b-9f4e-2f3a4b5c6d7e'

afterEach(() => setLocale('zh-CN'))

describe('addresses', () => {
  it.each(['203.0.113.18', '0.0.0.0', '255.255.255.255', '2001:db8::1', '::', '::1', 'fe80::1:2:3', '1:2:3:4:5:6:7:8', '::ffff:192.0.2.1'])('takes %s', (text) => {
    expect(addressFault(text, null)).toBe(null)
  })

  it.each(['203.0.113', '203.0.113.256', '203.0.113.018', '1.2.3.4.5', '2001:db8:::1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', 'fe80::1%eth0', 'localhost', '203.0.113.0/33', '10.0.0.0/8/8', '10.0.0.0/'])(
    'does not take %s', (text) => {
      expect(addressFault(text, null)).toEqual({ code: 'malformed' })
    })

  it('asks for an address where there is none', () => {
    expect(addressFault('', null)).toEqual({ code: 'empty' })
  })

  it('says how a network is written that begins in the middle', () => {
    expect(addressFault('10.1.2.3/8', null)).toEqual({ code: 'network', network: '10.0.0.0/8' })
    expect(addressFault('2001:db8:4c:1::/48', null)).toEqual({ code: 'network', network: '2001:db8:4c::/48' })
    expect(addressFault('2001:db8:4c::/48', null)).toBe(null)
  })

  it('finds a range upside down, of two families, or made of networks', () => {
    expect(addressFault('198.51.100.40', '198.51.100.1')).toEqual({ code: 'upsideDown' })
    expect(addressFault('198.51.100.9', '198.51.100.10')).toBe(null)
    expect(addressFault('198.51.100.1', '2001:db8::1')).toEqual({ code: 'families' })
    expect(addressFault('10.0.0.0/8', '11.0.0.0')).toEqual({ code: 'rangeOfNetwork' })
    expect(addressFault('10.0.0.1', 'nobody')).toEqual({ code: 'malformed' })
  })

  it('reads every address back as it wrote it', () => {
    fc.assert(fc.property(fc.constantFrom(4 as const, 6 as const), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (family, number) => {
      const value = family === 4 ? number & 0xffff_ffffn : number
      // What lies in ::ffff:0:0/96 is an IPv4 address in other clothes.
      fc.pre(family === 4 || value >> 32n !== 0xffffn)
      expect(parseAddress(writeAddress({ family, value }))).toEqual({ family, value })
    }))
  })

  it('never throws, whatever is typed', () => {
    fc.assert(fc.property(fc.string(), fc.option(fc.string()), (first, last) => {
      addressFault(first, last)
    }))
  })

  it('names the form', () => {
    expect([formOf('10.0.0.1', null), formOf('10.0.0.0/8', null), formOf('10.0.0.1', '10.0.0.9')]).toEqual(['single', 'network', 'range'])
  })
})

const POLICY: LoginPolicy = {
  enabled: true,
  role_ids: ['b', 'a'],
  regions: [{ code: 'CN/江苏省', names: ['中国', '江苏省'] }, { code: 'CN/广东省/深圳市', names: ['中国', '广东省', '深圳市'] }],
  trusted: [{ first: '198.51.100.1', last: '198.51.100.40', note: '办公室', last_used_at: '2026-11-22T01:00:00Z' }],
  restricted_count: 11,
  free_count: 2,
  version: 3,
}

describe('the policy as a form', () => {
  it('is sorted, so that choosing and leaving out again is no change', () => {
    const draft = draftOf(POLICY)
    expect(draft.role_ids).toEqual(['a', 'b'])
    expect(toggled(toggled(draft.role_ids, 'a', false), 'a', true)).toEqual(draft.role_ids)
    expect(draft.regions).toEqual(['CN/广东省/深圳市', 'CN/江苏省'])
  })

  it('needs a role and a place only where it is switched on', () => {
    const empty = { enabled: true, role_ids: [], regions: [], trusted: [] }
    expect(policyFault(empty)).toBe('needsRole')
    expect(policyFault({ ...empty, role_ids: ['a'] })).toBe('needsPlace')
    expect(policyFault({ ...empty, role_ids: ['a'], trusted: [{ first: '127.0.0.1', last: null, note: '' }] })).toBe(null)
    expect(policyFault({ ...empty, enabled: false })).toBe(null)
  })

  it('knows when an entry was used last, and which are not saved yet', () => {
    expect(lastUsed({ first: '198.51.100.1', last: '198.51.100.40', note: 'other' }, POLICY.trusted)).toBe('2026-11-22T01:00:00Z')
    expect(lastUsed({ first: '198.51.100.1', last: null, note: '' }, POLICY.trusted)).toBe(undefined)
  })

  it('says verdicts and reasons in words of both languages', async () => {
    const region = { code: 'CN/山东省/济南市', names: ['中国', '山东省', '济南市'] }
    const verdict = { address: '192.0.2.140', region, allowed: false, reason: 'region_denied' as const }
    expect(verdictText(verdict)).toBe('角色受限；地区 山东省 济南市 不在可登录地区；不在可信任 IP。')
    expect(reasonText({ method: 'password', allowed: false, reason: 'region_unknown' })).toBe('认不出地区')
    expect(reasonText({ method: 'session', allowed: false, reason: 'region_denied' })).toBe('会话复查时不再允许')
    expect(regionText({ code: '', names: [] })).toBe('地区不明')
    await setLocale('en')
    expect(reasonText({ method: 'password', allowed: true, reason: 'trusted_address' })).toBe('trusted IP')
  })
})

describe('days', () => {
  it('begin at midnight of the zone, also where the clock changes', () => {
    expect(dayStart('2026-11-22', ZONE)).toBe('2026-11-21T16:00:00.000Z')
    expect(dayStart('2026-11-22', 'Asia/Kathmandu')).toBe('2026-11-21T18:15:00.000Z')
    expect(dayStart('2026-11-22', 'Pacific/Kiritimati')).toBe('2026-11-21T10:00:00.000Z')
    expect(dayStart('2026-11-22', 'Pacific/Pago_Pago')).toBe('2026-11-22T11:00:00.000Z')
    expect(dayStart('2026-03-29', 'Europe/Berlin')).toBe('2026-03-28T23:00:00.000Z')
    expect(dayStart('2026-03-30', 'Europe/Berlin')).toBe('2026-03-29T22:00:00.000Z')
    expect([nextDay('2026-12-31'), nextDay('2028-02-28')]).toEqual(['2027-01-01', '2028-02-29'])
  })

  it('cut a list where the day changes in the zone', () => {
    const days = byDay([{ at: '2026-11-22T03:00:00Z' }, { at: '2026-11-21T16:00:00Z' }, { at: '2026-11-21T15:59:59Z' }], ZONE)
    expect(days.map((day) => [day.key, day.items.length])).toEqual([['2026-11-22', 2], ['2026-11-21', 1]])
    expect(dayTitle('2026-11-21T15:59:59Z', NOW, ZONE)).toBe('昨天')
  })
})

function entry(over: Partial<AuditEntry> = {}): AuditEntry {
  return {
    seq: 7, at: '2026-11-22T03:00:00Z', actor: { kind: 'agent', id: ID, name: '沈知夏' }, address: '127.0.0.1', action: 'role.changed',
    subject: { kind: 'role', id: ID, name: '客服专员' }, details: {}, ...over,
  }
}

describe('a moment in a sentence', () => {
  it('names the days around now, and the year only where it is another', () => {
    expect(moment('2026-11-22T03:00:00Z', ZONE, NOW)).toBe('今天 11:00')
    expect(moment('2026-11-21T15:59:59Z', ZONE, NOW)).toBe('昨天 23:59')
    expect(moment('2026-10-29T03:00:00Z', ZONE, NOW)).toBe('10 月 29 日 11:00')
    expect(moment('2027-02-20T03:00:00Z', ZONE, NOW)).toBe('2027 年 2 月 20 日 11:00')
  })
})

describe('the audit log in words', () => {
  it('says what was done, and which fields changed', async () => {
    expect(sentence(entry({ details: { points: [['files.send'], []], name: ['a', 'b'] } }))).toBe('修改角色「客服专员」：权限点、名称')
    await setLocale('en')
    expect(sentence(entry({ details: { points: [['files.send'], []] } }))).toBe('Changed the role "客服专员": Permissions')
  })

  it('names the built-in roles in the language of the reader', async () => {
    await setLocale('en')
    const builtin = entry({ subject: { kind: 'role', id: ID, name: '普通客服' }, details: { points: [['files.send'], []] } })
    expect(sentence(builtin)).toBe('Changed the role "Agent": Permissions')
    const [row] = detailRows(entry({ action: 'agent.changed', details: { role: ['普通客服', '管理员'] } }), ZONE)
    expect([row?.before, row?.after]).toEqual(['Agent', 'Administrator'])
    expect(valueText('roles', ['管理员', '客服专员'], ZONE)).toBe('Administrator, 客服专员')
  })

  it('falls back to the name of an action it does not know', () => {
    expect(sentence(entry({ action: 'robot.woken' }))).toBe('robot.woken「客服专员」')
    expect(sentence(entry({ action: 'robot.woken', subject: null }))).toBe('robot.woken')
  })

  it('says to whom, where another did what people do to themselves', () => {
    const ended = { action: 'session.ended', subject: { kind: 'agent', id: ID, name: '顾南乔' } }
    expect(sentence(entry({ ...ended, actor: { kind: 'system', id: null, name: '' } }))).toBe('登录结束（顾南乔）')
    expect(sentence(entry({ ...ended, actor: { kind: 'agent', id: ID, name: '顾南乔' } }))).toBe('登录结束')
  })

  it('says who acted', () => {
    expect(actorName(entry())).toBe('沈知夏')
    expect(actorName(entry({ actor: { kind: 'api_key', id: ID, name: '订单系统' } }))).toBe('接口密钥「订单系统」')
    expect(actorName(entry({ actor: { kind: 'operator', id: null, name: '' } }))).toBe('运维命令行')
  })

  it('shows both sides of a change, and other values alone', () => {
    const rows = detailRows(entry({ details: { requires_two_factor: [false, true], name: ['self', null], regions: [['CN/广东省'], []], locked_out: true } }), ZONE)
    expect(rows).toEqual([
      { field: '须两步验证', before: '否', after: '是' },
      { field: '名称', before: 'self', after: '无' },
      { field: '地区', before: '广东省', after: '无' },
      { field: '自己被登出', before: null, after: '是' },
    ])
  })

  it('takes a list of two for a change only where something was changed', () => {
    const rows = detailRows(entry({ action: 'api_key.created', details: { points: ['agents.view', 'audit.view'], expires_at: '2026-12-01T00:00:00+00:00' } }), ZONE)
    expect(rows[0]).toEqual({ field: '权限点', before: null, after: '客服：查看、操作日志：查看' })
    expect(rows[1]?.after).toBe('2026 年 12 月 1 日 08:00')
  })

  it('names what lies inside a value', () => {
    const rows = detailRows(entry({ action: 'audit.exported', details: { filters: { action: 'role', subject_id: null } } }), ZONE)
    expect(rows[0]?.after).toBe('操作 role')
  })
})

describe('the filters of the audit log', () => {
  it('read from the address and written to it are the same', () => {
    const query = { actor_id: ID, action: 'agent.changed', subject_kind: 'agent', subject_id: ID, from: '2026-11-01', to: '2026-11-22' }
    expect(queryOf(askedBy(query))).toEqual(query)
  })

  it('leave out what cannot be meant', () => {
    expect(queryOf(askedBy({ actor_id: 'me', action: 'DROP TABLE', subject_kind: ['agent'], from: '2026-13-45', to: 'today' }))).toEqual({})
  })

  it('ask for whole days of the zone', () => {
    const filter = filterOf(askedBy({ from: '2026-11-21', to: '2026-11-22' }), ZONE)
    expect([filter.from, filter.to]).toEqual(['2026-11-20T16:00:00.000Z', '2026-11-22T16:00:00.000Z'])
    expect(filter.action).toBe(null)
  })
})

describe('the life of a key', () => {
  const key = (over: Partial<ApiKey>): ApiKey => ({
    id: ID, name: 'k', prefix: 'qk_abc', points: [], created_by: ID, created_at: '2026-01-01T00:00:00Z', expires_at: null, last_used_at: null, revoked_at: null, ...over,
  })

  it('ends after so many days, after a whole day, or never', () => {
    expect(expiresAt('30', '', NOW, ZONE)).toBe('2026-12-22T04:00:00.000Z')
    expect(expiresAt('custom', '2026-11-30', NOW, ZONE)).toBe('2026-11-30T16:00:00.000Z')
    expect(expiresAt('never', '', NOW, ZONE)).toBe(null)
  })

  it('may not end on a day that has begun', () => {
    expect(firstDay(NOW, ZONE)).toBe('2026-11-23')
    expect(expiryFault('custom', '2026-11-22', NOW, ZONE)).toBe('customPast')
    expect(expiryFault('custom', '', NOW, ZONE)).toBe('customNeeded')
    expect(expiryFault('custom', '2026-11-23', NOW, ZONE)).toBe(null)
    expect(expiryFault('never', '', NOW, ZONE)).toBe(null)
  })

  it('has a state', () => {
    expect(stateOf(key({}), NOW)).toBe('active')
    expect(stateOf(key({ expires_at: '2026-11-22T04:00:00Z' }), NOW)).toBe('expired')
    expect(stateOf(key({ expires_at: '2026-11-01T00:00:00Z', revoked_at: '2026-10-01T00:00:00Z' }), NOW)).toBe('revoked')
  })
})

describe('the identity provider', () => {
  it.each(['https://login.example.com', 'https://login.example.com/realms/a', 'http://127.0.0.1:9000'])('may be %s', (text) => expect(isIssuer(text)).toBe(true))
  it.each(['login.example.com', 'ftp://login.example.com', 'https://login.example.com?a=1', 'https://a@login.example.com', 'https://a b'])('may not be %s', (text) => expect(isIssuer(text)).toBe(false))

  it('needs its secret again where the issuer is another', () => {
    const fields = { enabled: true, label: 'L', issuer: 'https://a.example', client_id: 'c', client_secret: '' }
    expect(faultsOf(fields, { issuer: '', version: 0 })).toEqual({ client_secret: 'required' })
    expect(faultsOf(fields, { issuer: 'https://a.example', version: 1 })).toEqual({})
    expect(faultsOf(fields, { issuer: 'https://b.example', version: 1 })).toEqual({ client_secret: 'required' })
    expect(faultsOf({ ...fields, label: ' ', issuer: 'a' }, { issuer: 'https://a.example', version: 1 })).toEqual(
      { label: 'required', issuer: 'issuerInvalid', client_secret: 'required' })
  })
})
