import type { RichBlock, RichDocument, RichSpan } from '@qiatan/live'

/** One part of what a channel without rich text is sent instead. */
export type Part = { kind: 'text'; text: string } | { kind: 'picture'; id: string; width: number; height: number; alt: string }

export const MAX_TEXT = 5_000
export const MAX_BLOCKS = 200

/** A document that says this text and nothing more: each line a paragraph. */
export function fromText(text: string): RichDocument {
  return { blocks: text.split('\n').map((line) => ({ kind: 'paragraph', align: 'left', spans: line === '' ? [] : [{ text: line }] })) }
}

function words(spans: readonly RichSpan[]): string {
  return spans.map((span) => span.text).join('')
}

function blockText(block: RichBlock): string | null {
  switch (block.kind) {
    case 'paragraph':
      return words(block.spans)
    case 'list':
      return block.items.map((item, at) => `${block.ordered ? `${at + 1}. ` : '• '}${words(item)}`).join('\n')
    case 'picture':
      return null
  }
}

/** What it says, without its form; pictures are left out. */
export function plainText(document: RichDocument): string {
  return document.blocks.map(blockText).filter((text) => text !== null).join('\n').trim()
}

function isStyled(span: RichSpan): boolean {
  return Boolean(span.bold || span.italic || span.underline || span.href) || (span.size ?? 'normal') !== 'normal'
}

/** F01: a document is plain while nothing in it has a form. Line breaks and emoji are none. */
export function isPlain(document: RichDocument): boolean {
  return document.blocks.every((block) => block.kind === 'paragraph' && (block.align ?? 'left') === 'left' && !block.spans.some(isStyled))
}

export function isEmpty(document: RichDocument): boolean {
  return plainText(document) === '' && !document.blocks.some((block) => block.kind === 'picture')
}

/** F01: each paragraph becomes a text, each picture a picture, a link its text and its address. */
export function degraded(document: RichDocument): Part[] {
  const parts: Part[] = []
  for (const block of document.blocks) {
    if (block.kind === 'picture') {
      parts.push({ kind: 'picture', id: block.id, width: block.width, height: block.height, alt: block.alt ?? '' })
      continue
    }
    const text = blockText(withAddresses(block))?.trim()
    if (text) parts.push({ kind: 'text', text })
  }
  return parts
}

function withAddresses(block: RichBlock): RichBlock {
  if (block.kind === 'paragraph') return { ...block, spans: named(block.spans) }
  if (block.kind === 'list') return { ...block, items: block.items.map(named) }
  return block
}

/** A link may go over several spans, where a part of it is bold: its address comes once, behind the last. */
function named(spans: readonly RichSpan[]): RichSpan[] {
  return spans.map((span, at) => {
    const href = span.href ?? ''
    if (href === '' || (spans[at + 1]?.href ?? '') === href) return span
    let shown = span.text
    for (let back = at - 1; back >= 0 && (spans[back]?.href ?? '') === href; back -= 1) shown = (spans[back]?.text ?? '') + shown
    const address = href.replace(/^(mailto|tel):/i, '')
    return shown.trim() === address || shown.trim() === href ? span : { ...span, text: `${span.text} ${address}` }
  })
}

/** Every span of it put through `change`; blocks without words stay as they are. */
export function mapSpans(document: RichDocument, change: (spans: readonly RichSpan[]) => RichSpan[]): RichDocument {
  return {
    blocks: document.blocks.map((block) => {
      if (block.kind === 'paragraph') return { ...block, spans: change(block.spans) }
      if (block.kind === 'list') return { ...block, items: block.items.map((item) => change(item)) }
      return block
    }),
  }
}
