import { safeHref, type RichAlign, type RichBlock, type RichDocument, type RichSize, type RichSpan } from '@qiatan/live'

/** The editor's own form of a document (ProseMirror's JSON), as far as this editor uses it. */
export interface EditorNode {
  type?: string
  attrs?: Record<string, unknown>
  content?: EditorNode[]
  marks?: { type: string; attrs?: Record<string, unknown> }[]
  text?: string
}

const ALIGNS: readonly unknown[] = ['left', 'center', 'right']
const SIZES: readonly unknown[] = ['small', 'normal', 'large']

/** What the editor holds, as a document. Whatever it does not know has no place in it. */
export function fromEditor(doc: EditorNode): RichDocument {
  const blocks = (doc.content ?? []).flatMap(blockOf)
  while (blocks.length > 1 && isBlank(blocks.at(-1))) blocks.pop()
  return { blocks }
}

function isBlank(block: RichBlock | undefined): boolean {
  return block?.kind === 'paragraph' && block.spans.every((span) => span.text.trim() === '')
}

function blockOf(node: EditorNode): RichBlock[] {
  switch (node.type) {
    case 'paragraph':
      return [{ kind: 'paragraph', align: alignOf(node.attrs?.['align']), spans: spansOf(node.content ?? []) }]
    case 'bulletList':
    case 'orderedList': {
      const items = (node.content ?? []).flatMap(itemsOf)
      return items.length > 0 ? [{ kind: 'list', ordered: node.type === 'orderedList', items }] : []
    }
    case 'picture': {
      const { id, width, height, alt } = node.attrs ?? {}
      if (typeof id !== 'string' || id === '' || typeof width !== 'number' || typeof height !== 'number') return []
      return [{ kind: 'picture', id, width, height, alt: typeof alt === 'string' ? alt : '' }]
    }
    default:
      return []
  }
}

/** Lists have one level: what was pasted deeper comes up, in its order. */
function itemsOf(item: EditorNode): RichSpan[][] {
  return (item.content ?? []).flatMap((node) => {
    if (node.type === 'paragraph') return [spansOf(node.content ?? [])]
    return (node.content ?? []).flatMap(itemsOf)
  })
}

function spansOf(nodes: readonly EditorNode[]): RichSpan[] {
  const spans: RichSpan[] = []
  for (const node of nodes) {
    const text = node.type === 'hardBreak' ? '\n' : (node.text ?? '')
    if (text === '') continue
    const span: RichSpan = { text, ...formOf(node) }
    const last = spans.at(-1)
    if (last && (sameForm(last, span) || text === '\n')) last.text += text
    else spans.push(span)
  }
  return spans
}

function formOf(node: EditorNode): Omit<RichSpan, 'text'> {
  const form: Omit<RichSpan, 'text'> = {}
  for (const mark of node.marks ?? []) {
    if (mark.type === 'bold' || mark.type === 'italic' || mark.type === 'underline') form[mark.type] = true
    if (mark.type === 'size' && mark.attrs?.['size'] !== 'normal') form.size = sizeOf(mark.attrs?.['size'])
    if (mark.type === 'link') {
      const href = safeHref(typeof mark.attrs?.['href'] === 'string' ? mark.attrs['href'] : null)
      if (href) form.href = href
    }
  }
  return form
}

function sameForm(a: RichSpan, b: RichSpan): boolean {
  return Boolean(a.bold) === Boolean(b.bold) && Boolean(a.italic) === Boolean(b.italic) && Boolean(a.underline) === Boolean(b.underline)
    && (a.size ?? 'normal') === (b.size ?? 'normal') && (a.href ?? null) === (b.href ?? null)
}

function alignOf(value: unknown): RichAlign {
  return ALIGNS.includes(value) ? (value as RichAlign) : 'left'
}

function sizeOf(value: unknown): RichSize {
  return SIZES.includes(value) ? (value as RichSize) : 'normal'
}

/** A document, as the editor takes it. */
export function toEditor(document: RichDocument): EditorNode {
  const content = document.blocks.map(nodeOf)
  return { type: 'doc', content: content.length > 0 ? content : [{ type: 'paragraph' }] }
}

function nodeOf(block: RichBlock): EditorNode {
  switch (block.kind) {
    case 'paragraph':
      return { type: 'paragraph', attrs: { align: block.align ?? 'left' }, content: textsOf(block.spans) }
    case 'list':
      return {
        type: block.ordered ? 'orderedList' : 'bulletList',
        content: block.items.map((item) => ({ type: 'listItem', content: [{ type: 'paragraph', content: textsOf(item) }] })),
      }
    case 'picture':
      return { type: 'picture', attrs: { id: block.id, width: block.width, height: block.height, alt: block.alt ?? '' } }
  }
}

function textsOf(spans: readonly RichSpan[]): EditorNode[] {
  return spans.flatMap((span) => {
    const marks = marksOf(span)
    return span.text.split('\n').flatMap((line, at): EditorNode[] => [
      ...(at > 0 ? [{ type: 'hardBreak' }] : []),
      ...(line === '' ? [] : [{ type: 'text', text: line, ...(marks.length > 0 ? { marks } : {}) }]),
    ])
  })
}

function marksOf(span: RichSpan): { type: string; attrs?: Record<string, unknown> }[] {
  const marks: { type: string; attrs?: Record<string, unknown> }[] = []
  const href = safeHref(span.href)
  if (href) marks.push({ type: 'link', attrs: { href } })
  if (span.size === 'small' || span.size === 'large') marks.push({ type: 'size', attrs: { size: span.size } })
  if (span.bold) marks.push({ type: 'bold' })
  if (span.italic) marks.push({ type: 'italic' })
  if (span.underline) marks.push({ type: 'underline' })
  return marks
}
