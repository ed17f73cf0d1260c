// @vitest-environment jsdom
import type { RichBlock, RichSpan } from '@qiatan/live'
import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import RichView from '../RichView.vue'

const nowhere = { render: () => null }
const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: nowhere }, { path: '/away', name: 'away', component: nowhere }] })
const paragraph = (...spans: RichSpan[]): RichBlock => ({ kind: 'paragraph', spans })
const draw = (...blocks: RichBlock[]) => mount(RichView, { props: { document: { blocks } }, global: { plugins: [router] } })
const links = (...blocks: RichBlock[]) => draw(...blocks).findAll('a').map((one) => [one.text(), one.attributes('href')])

describe('a rich message', () => {
  it('leads to addresses that are written in it by the page that shows where they go, and keeps their form', () => {
    const shown = draw(paragraph({ text: '见 https://pine.example/a，谢谢', bold: true }))
    expect(shown.text()).toBe('见 https://pine.example/a，谢谢')
    const link = shown.get('a')
    expect([link.text(), link.attributes('href'), link.attributes('rel')]).toEqual(['https://pine.example/a', '/away#https://pine.example/a', 'noopener noreferrer nofollow'])
    expect([link.classes(), shown.findAll('span.fb').map((one) => one.text())]).toEqual([['fb'], ['见', '，谢谢']])
  })

  it('finds them in lists, and leaves words that have an address of their own to it', () => {
    expect(links({ kind: 'list', items: [[{ text: 'http://a.example' }], [{ text: 'https://bank.example', href: 'https://other.example/' }]] }))
      .toEqual([['http://a.example', '/away#http://a.example'], ['https://bank.example', '/away#https://other.example/']])
    expect(links(paragraph({ text: '写信', href: 'mailto:hi@pine.example' }))).toEqual([['写信', 'mailto:hi@pine.example']])
  })

  it('makes no link of what could run or disguise itself, and no element of any words', () => {
    const text = 'javascript:alert(1) https://bank.example@evil.example/ data:text/html,x <a href="https://x.example">x</a'
    expect(links(paragraph({ text: 'x', href: 'javascript:alert(1)' }), paragraph({ text: 'javascript:alert(1) https://bank.example@evil.example/' }))).toEqual([])
    const shown = draw(paragraph({ text }))
    expect(shown.text()).toBe(text)
    expect(shown.findAll('a').map((one) => one.attributes('href'))).toEqual(['/away#https://x.example'])
  })

  it('lets its pictures be pressed only where somebody shows them in full', async () => {
    const blocks: RichBlock[] = [paragraph({ text: '这样包' }), { kind: 'picture', id: 'a', width: 4, height: 3, alt: '壶' }]
    expect(draw(...blocks).findAll('button')).toHaveLength(0)
    const shown = mount(RichView, { props: { document: { blocks }, opens: true }, global: { plugins: [router] } })
    await shown.get('button').trigger('click')
    expect([shown.get('button img').attributes('alt'), shown.emitted('open')]).toEqual(['壶', [[1]]])
  })
})
