/** Text with form, as a small document: never HTML. The server checks the same shape (kit/rich_text.py). */

export type RichAlign = 'left' | 'center' | 'right'
export type RichSize = 'small' | 'normal' | 'large'

export interface RichSpan {
  /** Line breaks within a paragraph are in it. */
  text: string
  bold?: boolean
  italic?: boolean
  underline?: boolean
  size?: RichSize
  /** http, https, mailto or tel; nothing else is a link. */
  href?: string | null
}

export interface RichParagraph {
  kind: 'paragraph'
  align?: RichAlign
  spans: RichSpan[]
}

export interface RichList {
  kind: 'list'
  ordered?: boolean
  items: RichSpan[][]
}

export interface RichPicture {
  kind: 'picture'
  /** Of `/reply-pictures/{id}`. */
  id: string
  width: number
  height: number
  alt?: string
}

export type RichBlock = RichParagraph | RichList | RichPicture

export interface RichDocument {
  blocks: RichBlock[]
}

const LINKABLE = new Set(['http:', 'https:', 'mailto:', 'tel:'])

/** The address of a link, or null where it is none that may be followed: asked on saving and once more on drawing. */
export function safeHref(href: string | null | undefined): string | null {
  if (!href || href.length > 2_000) return null
  try {
    const url = new URL(href)
    return LINKABLE.has(url.protocol) ? url.href : null
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

/** Where a picture of a document lies. An id of another form leads nowhere. */
export function richPictureUrl(id: string): string {
  return `/api/v1/reply-pictures/${encodeURIComponent(id)}`
}
