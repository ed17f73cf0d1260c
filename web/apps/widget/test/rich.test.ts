import { mount } from '@vue/test-utils'
import type { RichBlock } from '@qiatan/live'
import { describe, expect, it, vi } from 'vitest'
import Rich from '../src/components/Rich.vue'

vi.mock('../src/logic/style', () => ({ addStyle: () => undefined }))

const links = (...blocks: RichBlock[]) => mount(Rich, { props: { document: { blocks }, speaker: '' } }).findAll('a').map((one) => [one.text(), one.attributes('href'), one.classes().join(' ')])

describe('a rich message', () => {
  it('has links where addresses are written, as a plain one has', () => {
    expect(links({ kind: 'paragraph', spans: [{ text: '看 www.pine.example，或 hi@pine.example', bold: true }] })).toEqual([
      ['www.pine.example', 'https://www.pine.example/', 'b'],
      ['hi@pine.example', 'mailto:hi@pine.example', 'b'],
    ])
    expect(links({ kind: 'list', items: [[{ text: 'https://a.example/x' }], [{ text: 'https://bank.example', href: 'https://other.example/' }]] })).toEqual([
      ['https://a.example/x', 'https://a.example/x', ''],
      ['https://bank.example', 'https://other.example/', ''],
    ])
  })

  it('has none where they could run', () => {
    expect(links({ kind: 'paragraph', spans: [{ text: 'x', href: 'javascript:alert(1)' }, { text: 'javascript:alert(1) data:text/html,x' }] })).toEqual([])
  })

  it('keeps every word, and an empty line', () => {
    const shown = mount(Rich, { props: { document: { blocks: [{ kind: 'paragraph', spans: [{ text: '<b>a</b> https://a.example' }] }, { kind: 'paragraph', spans: [] }] }, speaker: '' } })
    expect(shown.text()).toBe('<b>a</b> https://a.example')
    expect(shown.findAll('p').map((one) => one.findAll('br').length)).toEqual([0, 1])
  })
})
