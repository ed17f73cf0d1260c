import type { RichDocument } from '@qiatan/live'
import { describe, expect, it } from 'vitest'
import { fill, fillText, unknownIn, type Values } from '../variables'

const values: Values = { 'customer.name': '陈若溪', 'agent.name': '小夏', 'page.title': '', 'page.url': 'https://pine.example/mug', 'enterprise.name': '松间器物' }

describe('variables', () => {
  it('are filled with what is known', () => {
    expect(fillText('{{customer.name}}您好，我是{{ agent.name }}', values)).toEqual({ text: '陈若溪您好，我是小夏', missing: [] })
  })

  it('what is not known is told, and its place stays as it was', () => {
    expect(fillText('您在看{{page.title}}吗', values)).toEqual({ text: '您在看{{page.title}}吗', missing: ['page.title'] })
  })

  it('are never read twice: a customer cannot name one in their own name', () => {
    expect(fillText('{{customer.name}}', { ...values, 'customer.name': '{{agent.name}}' }).text).toBe('{{agent.name}}')
  })

  it('compute nothing', () => {
    const text = '{{1+1}} {{constructor}} {{#if a}} {% x %} ${y}'
    expect(fillText(text, values)).toEqual({ text, missing: [] })
  })

  it('keep the form of what they stand in, also where it changes within a name', () => {
    const document: RichDocument = { blocks: [{ kind: 'paragraph', spans: [{ text: '亲爱的' }, { text: '{{customer', bold: true }, { text: '.name}}', italic: true }, { text: '，您好' }] }] }
    expect(fill(document, values).document.blocks).toEqual([
      { kind: 'paragraph', spans: [{ text: '亲爱的' }, { text: '陈若溪', bold: true }, { text: '，您好' }] },
    ])
  })

  it('in lists are filled too; pictures stay', () => {
    const document: RichDocument = { blocks: [{ kind: 'list', items: [[{ text: '{{agent.name}}' }]] }, { kind: 'picture', id: 'p', width: 2, height: 1 }] }
    expect(fill(document, values).document.blocks).toEqual([{ kind: 'list', items: [[{ text: '小夏' }]] }, { kind: 'picture', id: 'p', width: 2, height: 1 }])
  })

  it('that nobody knows are named', () => {
    expect(unknownIn({ blocks: [{ kind: 'paragraph', spans: [{ text: '{{customer.nam}} {{agent.name}} {{x' }, { text: 'y}}', bold: true }] }] })).toEqual(['customer.nam', 'xy'])
  })
})
