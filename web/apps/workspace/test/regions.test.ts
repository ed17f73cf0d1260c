import type { RegionItem } from '@qiatan/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choose, leaveOut, regionName, regionBrief, regionPath, rowsOf, stateOf } from '../src/ui/regions'

const item = (code: string, children = 0): RegionItem => ({ code, name: code.split('/').at(-1) ?? '', children })
const TREE = new Map<string, RegionItem[]>([
  ['', [item('CN', 3), item('JP')]],
  ['CN', [item('CN/广东省', 3), item('CN/海南省', 1), item('CN/北京')]],
  ['CN/广东省', [item('CN/广东省/广州市'), item('CN/广东省/深圳市'), item('CN/广东省/佛山市')]],
  ['CN/海南省', [item('CN/海南省/海口市')]],
])
const childrenOf = (parent: string): RegionItem[] => TREE.get(parent) ?? []
const CODES = [...TREE.values()].flat().map((one) => one.code)
const PLACES = CODES.filter((code) => childrenOf(code).length === 0)

describe('choosing regions', () => {
  it('takes what lies in a region along', () => {
    expect(choose('CN/广东省', ['CN/广东省/深圳市', 'JP'])).toEqual(['CN/广东省', 'JP'])
    expect(stateOf('CN/广东省/广州市', ['CN/广东省'])).toBe('all')
    expect(stateOf('CN', ['CN/广东省'])).toBe('some')
    expect(stateOf('CN/广东', ['CN/广东省'])).toBe('none')
  })

  it('keeps the others when one is left out of a whole country', () => {
    expect(leaveOut('CN/广东省/深圳市', ['CN'], childrenOf)).toEqual(['CN/北京', 'CN/广东省/佛山市', 'CN/广东省/广州市', 'CN/海南省'])
  })

  it('leaves out a region with the places in it that were named one by one', () => {
    expect(leaveOut('CN/广东省', ['CN/广东省/深圳市', 'JP'], childrenOf)).toEqual(['JP'])
  })

  it('always ends with the one place in or out, and every other as it was', () => {
    const chosen = fc.uniqueArray(fc.constantFrom(...CODES)).map((codes) => codes.reduce<string[]>((all, code) => choose(code, all), []))
    fc.assert(fc.property(chosen, fc.constantFrom(...PLACES), (before, place) => {
      const others = (codes: string[]): string[] => PLACES.filter((one) => one !== place && stateOf(one, codes) === 'all')
      const without = leaveOut(place, before, childrenOf)
      expect(stateOf(place, without)).toBe('none')
      expect(others(without)).toEqual(others(before))
      const back = choose(place, without)
      expect(stateOf(place, back)).toBe('all')
      expect(others(back)).toEqual(others(before))
    }))
  })
})

describe('the rows of the tree', () => {
  const codes = (open: string[], query = ''): string[] => rowsOf(TREE, new Set(open), query, 'zh-CN').map((row) => row.code)

  it('shows what is open, China first and its provinces in their order', () => {
    expect(codes([])).toEqual(['CN', 'JP'])
    expect(codes(['CN', 'CN/海南省'])).toEqual(['CN', 'CN/北京', 'CN/广东省', 'CN/海南省', 'CN/海南省/海口市', 'JP'])
  })

  it('finds a place with what it lies in, by either name', () => {
    expect(codes([], '深圳')).toEqual(['CN', 'CN/广东省', 'CN/广东省/深圳市'])
    expect(rowsOf(TREE, new Set(), 'hainan', 'en').map((row) => row.name)).toEqual(['China', 'Hainan'])
  })

  it('opens a region that was found, when asked', () => {
    expect(codes([], '海南')).toEqual(['CN', 'CN/海南省'])
    expect(codes(['CN/海南省'], '海南')).toEqual(['CN', 'CN/海南省', 'CN/海南省/海口市'])
  })
})

describe('names of regions', () => {
  it('are written in the reader’s language, with what they lie in', () => {
    expect(regionName('CN', 'zh-CN')).toBe('中国')
    expect(regionPath('CN/福建省/泉州市', 'zh-CN')).toBe('福建省 泉州市')
    expect(regionPath('CN/福建省', 'en')).toBe('Fujian')
    expect(regionPath('JP', 'en')).toBe('Japan')
  })

  it('are English for whoever reads English, also where the data has Chinese ones only', () => {
    expect(['CN/江苏省/苏州市', 'CN/安徽省/宿州市', 'CN/河南省/漯河市', 'US/加利福尼亚/旧金山', 'US/California'].map((code) => regionPath(code, 'en'))).toEqual([
      'Jiangsu Suzhou', 'Anhui Suzhou', 'Henan Luohe', 'United States California San Francisco', 'United States California',
    ])
    // what is called alike lies in different countries
    expect([regionName('US/肯塔基/法兰克福', 'en'), regionName('DE/法兰克福', 'en')]).toEqual(['Frankfort', 'Frankfurt'])
  })

  it('stay as the data has them where no other is known', () => {
    expect(regionPath('CN/广东省/新设市', 'en')).toBe('Guangdong 新设市')
    expect(regionPath('US/加利福尼亚/旧金山', 'zh-CN')).toBe('美国 加利福尼亚 旧金山')
  })

  it('name a city that is a province by itself once', () => {
    expect([regionPath('CN/北京/北京市', 'en'), regionPath('CN/吉林省/吉林市', 'en')]).toEqual(['Beijing', 'Jilin Jilin City'])
    expect([regionPath('CN/北京/北京市', 'zh-CN'), regionPath('CN/吉林省/吉林市', 'zh-CN')]).toEqual(['北京市', '吉林省 吉林市'])
  })
})

it.each([
  ['CN/广东省/深圳市', '广东 深圳', 'Guangdong'],
  ['CN/北京/北京市', '北京', 'Beijing'],
  ['CN/吉林省/吉林市', '吉林', 'Jilin'],
  ['CN/西藏', '西藏', 'Tibet'],
  ['CN', '中国', 'China'],
  ['US/California', '美国', 'United States'],
])('%s is said in short', (code, chinese, english) => {
  expect([regionBrief(code, 'zh-CN'), regionBrief(code, 'en')]).toEqual([chinese, english])
})
