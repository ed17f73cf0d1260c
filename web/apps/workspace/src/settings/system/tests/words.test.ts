import type { HealthLine, SystemHealth } from '@qiatan/api'
import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '../../../i18n'
import { bytesText, report, told, toldCounters } from '../words'

const ZONE = 'Asia/Shanghai'
const FULL: HealthLine = { name: 'disk', level: 'bad', state: 'full', facts: { free: 100 * 1024 ** 2, total: 50 * 1024 ** 3, machine: 'web-1' } }

function health(lines: HealthLine[]): SystemHealth {
  return { at: '2026-03-02T04:00:00Z', version: '1.2.3', operator: true, level: 'bad', lines, nodes: [] }
}

beforeAll(() => setLocale('en'))

describe('words of the health page', () => {
  it('tells figures and what to do', () => {
    const line = told(FULL, true, ZONE)
    expect(line.says).toBe('Nearly full: 100 MB free')
    expect(line.todo).toContain('"web-1"')
  })

  it('tells who does not run the installation the level, and whom to turn to', () => {
    const line = told({ ...FULL, facts: {} }, false, ZONE)
    expect(line.says).toBe('A problem')
    expect(line.todo).toBe('Please tell whoever runs this installation.')
    expect(told({ ...FULL, level: 'good', facts: {} }, false, ZONE).todo).toBeNull()
  })

  it('tells a state it does not know by its level', () => {
    const line = told({ name: 'disk', level: 'warn', state: 'on_fire', facts: {} }, true, ZONE)
    expect(line.says).toBe('Something to look at')
    expect(line.todo).toBeNull()
  })

  it('tells what never happened as never', () => {
    const line = told({ name: 'backups', level: 'bad', state: 'failed', facts: { good_at: null, failed_at: null } }, true, ZONE)
    expect(line.says).toBe('The last one failed (never); last good one: never')
  })

  it('counts all kinds of counters', () => {
    const found = { at: '2026-03-02T04:00:00Z', conversations: 2, replies: 1, audit: 0, night_at: null, night_drifted: null }
    expect(toldCounters(found).says).toBe('Counters that are wrong: 3')
    expect(toldCounters({ ...found, conversations: 0, replies: 0 }).level).toBe('good')
  })

  it('writes a report that holds each line', () => {
    const text = report(health([FULL]), [told(FULL, true, ZONE)])
    expect(text).toContain('1.2.3')
    expect(text).toContain('[Problem] Disk space: Nearly full: 100 MB free')
  })

  it.each([[0, '0 B'], [900, '900 B'], [1536, '1.5 KB'], [168 * 1024 ** 2, '168 MB'], [67.6 * 1024 ** 3, '68 GB'], [3 * 1024 ** 5, '3072 TB']])('%d bytes are %s', (bytes, words) => {
    expect(bytesText(bytes)).toBe(words)
  })
})
