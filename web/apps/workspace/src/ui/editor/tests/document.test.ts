import type { RichBlock, RichDocument, RichSpan } from '@qiatan/live'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromEditor, toEditor, type EditorNode } from '../convert'
import { withoutRefused } from '../paste'
import { degraded, fromText, isEmpty, isPlain, plainText } from '../document'

const paragraph = (...spans: RichSpan[]): RichBlock => ({ kind: 'paragraph', align: 'left', spans })

describe('a document', () => {
  it('made of text is plain and says that text', () => {
    fc.assert(fc.property(fc.stringMatching(/^[你好a-z \n😀]{0,40}$/u), (text) => {
      expect(isPlain(fromText(text))).toBe(true)
      expect(plainText(fromText(text))).toBe(text.trim())
    }))
  })

  it.each<[string, RichBlock]>([
    ['bold', paragraph({ text: 'a', bold: true })],
    ['a size', paragraph({ text: 'a', size: 'large' })],
    ['a link', paragraph({ text: 'a', href: 'https://pine.example/' })],
    ['alignment', { kind: 'paragraph', align: 'center', spans: [{ text: 'a' }] }],
    ['a list', { kind: 'list', items: [[{ text: 'a' }]] }],
    ['a picture', { kind: 'picture', id: 'p', width: 1, height: 1 }],
  ])('with %s is rich', (_, block) => {
    expect(isPlain({ blocks: [block] })).toBe(false)
  })

  it('loses its form for channels without one: paragraphs, pictures, addresses behind links', () => {
    const document: RichDocument = {
      blocks: [
        paragraph({ text: '换新' }, { text: '说明', href: 'https://pine.example/x', bold: true }, { text: '页', href: 'https://pine.example/x' }, { text: '在此' }),
        { kind: 'list', ordered: true, items: [[{ text: '核对地址' }], [{ text: '当天发出' }]] },
        paragraph(),
        { kind: 'picture', id: 'p', width: 4, height: 3, alt: '壶' },
        paragraph({ text: 'hi@pine.example', href: 'mailto:hi@pine.example' }),
      ],
    }
    expect(degraded(document)).toEqual([
      { kind: 'text', text: '换新说明页 https://pine.example/x在此' },
      { kind: 'text', text: '1. 核对地址\n2. 当天发出' },
      { kind: 'picture', id: 'p', width: 4, height: 3, alt: '壶' },
      { kind: 'text', text: 'hi@pine.example' },
    ])
  })

  it('is empty without words and pictures', () => {
    expect(isEmpty(fromText(' \n '))).toBe(true)
    expect(isEmpty({ blocks: [{ kind: 'picture', id: 'p', width: 1, height: 1 }] })).toBe(false)
  })
})

const words = fc.stringMatching(/^[你好a-z ]{1,6}$/)
const form = fc.record(
  { bold: fc.constant(true), italic: fc.constant(true), underline: fc.constant(true), size: fc.constantFrom('small' as const, 'large' as const), href: fc.constantFrom('https://pine.example/a', 'mailto:hi@pine.example') },
  { requiredKeys: [] },
)
const sameForm = (a: RichSpan, b: RichSpan): boolean => JSON.stringify({ ...a, text: '' }, Object.keys(a).sort()) === JSON.stringify({ ...b, text: '' }, Object.keys(b).sort())
const spans = fc.array(fc.tuple(words, form).map(([text, marks]): RichSpan => ({ text, ...marks })), { minLength: 1, maxLength: 4 })
  .map((all) => all.filter((span, at) => at === 0 || !sameForm(all[at - 1] ?? span, span)))
const block: fc.Arbitrary<RichBlock> = fc.oneof(
  fc.record({ kind: fc.constant('paragraph' as const), align: fc.constantFrom('left' as const, 'center' as const, 'right' as const), spans }),
  fc.record({ kind: fc.constant('list' as const), ordered: fc.boolean(), items: fc.array(spans, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant('picture' as const), id: fc.uuid(), width: fc.integer({ min: 1, max: 900 }), height: fc.integer({ min: 1, max: 900 }), alt: words }),
)

describe('the editor', () => {
  it('gives back the document it was given', () => {
    fc.assert(fc.property(fc.array(block, { minLength: 1, maxLength: 5 }), (blocks) => {
      const last = blocks.at(-1)
      fc.pre(last?.kind !== 'paragraph' || last.spans.some((span) => span.text.trim() !== ''))
      const back = fromEditor(toEditor({ blocks }))
      expect(plainText(back)).toBe(plainText({ blocks }))
      expect(fromEditor(toEditor(back))).toEqual(back)
    }))
  })

  it('keeps line breaks within a paragraph', () => {
    const document: RichDocument = { blocks: [paragraph({ text: '一\n二', bold: true }, { text: '三' })] }
    expect(fromEditor(toEditor(document))).toEqual(document)
  })

  it.each(['javascript:alert(1)', ' java\tscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '//pine.example', 'blob:x'])('has no link to %s', (href) => {
    const node: EditorNode = { type: 'doc', content: [{ type: 'paragraph', content: [{ type: 'text', text: 'x', marks: [{ type: 'link', attrs: { href } }] }] }] }
    expect(fromEditor(node)).toEqual({ blocks: [paragraph({ text: 'x' })] })
    expect(JSON.stringify(toEditor({ blocks: [paragraph({ text: 'x', href })] }))).not.toContain('link')
  })

  it('has no place for what it does not know', () => {
    const node: EditorNode = {
      type: 'doc',
      content: [{ type: 'iframe', attrs: { src: 'x' } }, { type: 'paragraph', attrs: { align: 'expression(1)' }, content: [{ type: 'text', text: 'x', marks: [{ type: 'script' }] }] }, { type: 'picture', attrs: { id: 3 } }],
    }
    expect(fromEditor(node)).toEqual({ blocks: [paragraph({ text: 'x' })] })
  })

  it('brings a list within a list up, in its order', () => {
    const item = (text: string, ...more: EditorNode[]): EditorNode => ({ type: 'listItem', content: [{ type: 'paragraph', content: [{ type: 'text', text }] }, ...more] })
    const node: EditorNode = { type: 'doc', content: [{ type: 'bulletList', content: [item('一', { type: 'bulletList', content: [item('二')] }), item('三')] }] }
    expect(plainText(fromEditor(node))).toBe('• 一\n• 二\n• 三')
  })
})

describe('pasted HTML', () => {
  it.each([
    ['<p onclick="a()">x</p>', '<p data-off="a()">x</p>'],
    ["<img src=x onerror='a()'/onload=b()>", "<img src=x data-off='a()'/data-off=b()>"],
    ['<b STYLE="x>y" title="on = z">on=1</b>', '<b data-off="x>y" title="on = z">on=1</b>'],
    ['<p>onclick="a()"</p>', '<p>onclick="a()"</p>'],
  ])('%s carries nothing that the policy would report', (html, clean) => {
    expect(withoutRefused(html)).toBe(clean)
  })
})
