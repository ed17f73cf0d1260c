import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplySearch } from '../search'
import { reply } from './make'

const exchange = reply('换货地址确认', { text: '请您发一下收件人', pinyin: 'huan huo di zhi que ren', initials: 'hhdzqr' })
const refund = reply('七天无理由退换', { text: '签收次日起 7 天内', pinyin: 'qi tian wu li you tui huan', initials: 'qtwlyth' })
const colour = reply('颜色说明', { text: '换色要等一窑', pinyin: 'yan se shuo ming', initials: 'yssm' })
const all = [refund, exchange, colour]

function titles(query: string, search = new ReplySearch(all)): string[] {
  return search.find(query, 10).map((one) => one.reply.title)
}

describe('finding a quick reply', () => {
  it('a title that begins with the words comes before one that holds them, and both before what only says them', () => {
    expect(titles('换')).toEqual(['换货地址确认', '七天无理由退换', '颜色说明'])
  })

  it('initials and pinyin find it', () => {
    expect(titles('hhdz')).toEqual(['换货地址确认'])
    expect(titles('huanhuo')).toEqual(['换货地址确认'])
    expect(titles('tuihuan')).toEqual(['七天无理由退换'])
  })

  it('pinyin begins at a syllable', () => {
    expect(titles('anhuo')).toEqual([])
  })

  it('letters of any width and size are the same', () => {
    const search = new ReplySearch([reply('VIP 客户')])
    expect(titles('ｖｉｐ', search)).toEqual(['VIP 客户'])
  })

  it('between equals my own comes first, then what is used most', () => {
    const search = new ReplySearch([
      reply('发货时间', { uses: 9 }), reply('发货地址', { uses: 1 }), reply('发货方式', { owner: 'own' }),
    ])
    expect(titles('发货', search)).toEqual(['发货方式', '发货时间', '发货地址'])
  })

  it('what was used just now outweighs what was used a little more', () => {
    const search = new ReplySearch([reply('发货一', { uses: 5, id: 'a' }), reply('发货二', { uses: 2, id: 'b' })])
    const now = Date.now()
    expect(search.find('发货', 10, (id) => (id === 'b' ? now - 1_000 : 0), now).map((one) => one.reply.title)).toEqual(['发货二', '发货一'])
  })

  it('marks the words in the title, and the letters whose initials were typed', () => {
    const search = new ReplySearch(all)
    expect(search.find('地址', 1)[0]?.mark).toEqual([2, 4])
    expect(search.find('dz', 1)[0]?.mark).toEqual([2, 4])
    expect(search.find('huanhuo', 1)[0]?.mark).toBeNull()
  })

  it('a longer query after a shorter one finds the same as asked at once', () => {
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[换货退地a-c]{0,6}$/), { maxLength: 30 }), fc.stringMatching(/^[换货退a-c]{1,4}$/), (words, query) => {
      const entries = words.map((title, at) => reply(title || '空', { id: `${at}`, position: at, text: title }))
      const typed = new ReplySearch(entries)
      for (let length = 1; length < query.length; length += 1) typed.find(query.slice(0, length), 10)
      expect(typed.find(query, 50).map((one) => one.reply.id)).toEqual(new ReplySearch(entries).find(query, 50).map((one) => one.reply.id))
      expect(typed.count(query)).toBe(new ReplySearch(entries).count(query))
    }))
  })

  it('an empty query gives what is used most, and no more than asked for', () => {
    const search = new ReplySearch([reply('甲'), reply('乙', { uses: 3 }), reply('丙', { uses: 8 })])
    expect(titles('', search)).toEqual(['丙', '乙', '甲'])
    expect(search.find('', 2)).toHaveLength(2)
    expect(search.count('')).toBe(3)
  })
})
