import { bench, describe } from 'vitest'
import { ReplySearch } from '../search'
import { reply } from './make'

const WORDS = ['换货', '退款', '发货', '地址', '运费', '颜色', '尺寸', '发票', '保养', '预售', '会员', '批发', '定制', '补发', '物流']
const SOUNDS = ['huan huo', 'tui kuan', 'fa huo', 'di zhi', 'yun fei', 'yan se', 'chi cun', 'fa piao', 'bao yang', 'yu shou', 'hui yuan', 'pi fa', 'ding zhi', 'bu fa', 'wu liu']
const LONG = '您好，您的订单已经收到，我们会在当天十六点前为您安排发出，运单号会发到您的手机上，请注意查收。'.repeat(4)

const entries = Array.from({ length: 10_000 }, (_, at) => {
  const picks = [at % 15, Math.floor(at / 15) % 15, Math.floor(at / 225) % 15]
  const pinyin = picks.map((pick) => SOUNDS[pick] ?? '').join(' ')
  return reply(picks.map((pick) => WORDS[pick] ?? '').join(''), {
    text: `${LONG}${at}`, pinyin, initials: pinyin.split(' ').map((one) => one[0] ?? '').join(''), all_uses: at % 97, uses: at % 13,
  })
})

/** Each search comes after another one that finds nothing, so that nothing is known from before. */
describe('10,000 quick replies', () => {
  bench('the index is made', () => { new ReplySearch(entries) }, { iterations: 5 })
  for (const query of ['', 'h', 'hh', 'huanhuo', '换', '没有的话', '当天']) {
    bench(`「${query}」`, () => {
      made.find('#', 0)
      made.find(query, 10)
    })
  }
})

const made = new ReplySearch(entries)
