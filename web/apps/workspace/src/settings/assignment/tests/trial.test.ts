// @vitest-environment jsdom
import { afterEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { setLocale } from '../../../i18n'
import { candidateText, shownSteps } from '../../../ui/trace/words'
import { bucketNames, waitOption, waitText } from '../chart'
import { caseOf, instantOf, localOf, nobodyYet, oneRegion, resultDetail, resultTitle } from '../trial'
import { note, step } from './make'

afterEach(() => setLocale('zh-CN'))

describe('a supposed visitor', () => {
  it('is unknown where nothing is written', () => {
    expect(caseOf(nobodyYet(), 'Asia/Shanghai')).toEqual({
      landing_page: null, current_page: null, region: null, search_keyword: null, language: null, device: null, channel_id: null, at: null, last_agent_id: null, wish: null,
    })
  })

  it('has come before only while the switch is on, and names a group or an agent', () => {
    const form = { ...nobodyYet(), lastAgent: 'a1', wish: 'g:g1', fallback: '2' as const }
    expect(caseOf(form, 'UTC')).toMatchObject({ last_agent_id: null, wish: { agents: [], groups: ['g1'], fallback: 2, source: 'page' } })
    expect(caseOf({ ...form, before: true, wish: 'a:a2' }, 'UTC')).toMatchObject({ last_agent_id: 'a1', wish: { agents: ['a2'], groups: [] } })
  })

  it('comes at a time of the enterprise’s zone', () => {
    expect([instantOf('2026-11-22T14:10', 'Asia/Shanghai'), instantOf('2026-07-01T09:00', 'America/New_York'), instantOf('soon', 'UTC')]).toEqual(['2026-11-22T06:10:00.000Z', '2026-07-01T13:00:00.000Z', null])
  })

  it('a time that a clock change skips is the next there is', () => {
    expect(instantOf('2026-03-08T02:30', 'America/New_York')).toBe('2026-03-08T07:30:00.000Z')
  })

  it('every minute comes back as it was written', () => {
    fc.assert(fc.property(fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }), fc.constantFrom('Asia/Shanghai', 'America/New_York', 'Asia/Kathmandu', 'UTC'), (date, zone) => {
      const local = localOf(date.getTime(), zone)
      const back = instantOf(local, zone)
      expect(back === null ? null : localOf(Date.parse(back), zone)).toBe(local)
    }), { numRuns: 50 })
  })

  it('is in one region', () => {
    expect([oneRegion('', ['CN/广东省']), oneRegion('CN/广东省', ['CN/广东省', 'CN/广西']), oneRegion('CN/广西', []), oneRegion('CN/广西', ['CN/广西'])]).toEqual(['CN/广东省', 'CN/广西', '', 'CN/广西'])
  })
})

describe('a trace', () => {
  const group = { kind: 'group', id: 'g', name: '售后组' } as const
  const chose = step({ layer: 'advanced', verdict: 'chose', reason: 'matched', rule: '华南售后', failed: ['批发'], target: group, base_rule: 'load', candidates: [note({ why: 'full', name: '唐砚', open: 8, maximum: 8 }), note({ why: 'chosen' })], more: 3 })

  it('tells the layers in order and those that were not needed', () => {
    const shown = shownSteps([step({ layer: 'hours', reason: 'open' }), step({ layer: 'specified', reason: 'no_wish' }), step({ layer: 'sticky', reason: 'no_open_conversation' }), chose], '程思远')
    expect(shown.map((one) => [one.number, one.title, one.mark])).toEqual([[1, '指定', 'skip'], [2, '粘滞', 'skip'], [3, '高级规则', 'hit'], [4, '回头客', 'unreached'], [5, '基础规则', 'unreached']])
    expect(shown[2]?.lines).toEqual([{ text: '批发：不符合', strong: false }, { text: '华南售后：条件符合，分给 售后组', strong: true }])
    expect(shown[2]?.candidates.map((one) => [one.name, one.text, one.kind])).toEqual([['唐砚', '8/8，已满', 'no'], ['程思远', '3/12，最少', 'yes']])
    expect(shown[2]?.more).toBe('还有 3 人')
  })

  it('a step around the layers is told where it mattered, without a number', () => {
    expect(shownSteps([step({ layer: 'queue', verdict: 'ended', reason: 'queued', target: group })], null).map((one) => [one.number, one.lines[0]?.text])).toEqual([[null, '排队等 售后组']])
  })

  it('a reason this page does not know is told by what the layer said', () => {
    expect(shownSteps([step({ verdict: 'nobody', reason: 'brand_new' })], null)[0]?.lines[0]?.text).toBe('没有人能接待，看下一层')
  })

  it('names the figure of the base rule', () => {
    expect([
      candidateText(note({ why: 'chosen', figure: 7 }), { base_rule: 'fill_up' }), candidateText(note({ figure: 9 }), { base_rule: 'fill_up' }), candidateText(note({ why: 'chosen' }), { base_rule: null }),
      candidateText(note({ why: 'busy' }), { base_rule: 'load' }),
    ]).toEqual(['3/12，近 12 小时 7，最少', '3/12，近 12 小时 9', '3/12', '忙碌'])
  })

  it('the result says who, and by what', () => {
    const trial = { outcome: 'assigned', agent_id: 'a1', agent_name: '程思远', target: null, steps: [chose] } as const
    expect([resultTitle({ ...trial, steps: [chose] }), resultDetail({ ...trial, steps: [chose] })]).toEqual(['分给 程思远', '售后组，规则「华南售后」，按当前负载'])
    const queued = step({ layer: 'queue', verdict: 'ended', reason: 'queued', target: group })
    expect(resultTitle({ outcome: 'queued', agent_id: null, agent_name: null, target: group, steps: [queued] })).toBe('进入排队，等 售后组')
  })
})

describe('the chart', () => {
  const side = { conversations: 3, assigned: 3, left_messages: 0, median_wait: 0, p90_wait: 0, longest_wait: 0, waits: [3, 0, 0, 0, 0, 0, 0, 0], fairness: 1, agents: [] }
  const colors = { before: '#aaa', after: '#35c', text: '#555', line: '#ccc', grid: '#eee', raised: '#fff', strong: '#000', font: 'sans-serif' }

  it('has a bar for each bucket and side', () => {
    const option = waitOption(side, { ...side, waits: [0, 3, 0, 0, 0, 0, 0, 0] }, colors)
    expect(option.series).toMatchObject([{ name: '已保存的规则', data: side.waits, color: '#aaa' }, { name: '修改后', data: [0, 3, 0, 0, 0, 0, 0, 0], color: '#35c' }])
    expect(bucketNames()).toEqual(['不用等', '≤ 10 秒', '≤ 30 秒', '≤ 1 分', '≤ 2 分', '≤ 5 分', '≤ 10 分', '更久'])
  })

  it('writes waits short', () => {
    expect([waitText(0), waitText(42.4), waitText(90), waitText(3600)]).toEqual(['0 秒', '42 秒', '1.5 分', '60 分'])
  })
})
