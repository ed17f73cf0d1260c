import type { Entry, ThreadItem } from './thread'

/** How many seqs a block spans: less than a screen of text, so that little is drawn that is not seen, and few blocks are held free. */
const BLOCK_SPAN = 4
/** Where a block was never drawn its height is guessed, in pixels: what stands alone, and of messages what surrounds them, each of them, and each line. */
const ALONE = 38
const AROUND = 31
const MESSAGE = 17
const LINE = 21
const PICTURE = 180
/** Letters in a line of a message; a Han character is as wide as two. */
const LINE_LETTERS = 70
/** From here on characters are wide: by its first one a text is judged. */
const FIRST_WIDE = 0x2e80

/** A stretch of the thread that is drawn, or left out with its height kept, as a whole. */
export interface Block {
  key: string
  items: ThreadItem[]
  /** Holds the line of new messages, which the thread scrolls to. */
  hasNew: boolean
}

/**
 * Cuts the thread into blocks. The cuts lie at fixed seqs, so that a page that comes in above leaves the blocks below as they are.
 * Separators stand with what follows them, unsent messages with the last block.
 */
export function blocksOf(items: readonly ThreadItem[]): Block[] {
  const blocks: Block[] = []
  let headings: ThreadItem[] = []
  for (const item of items) {
    const place = placeOf(item)
    const last = blocks.at(-1)
    if (place === null && !isUnsent(item)) {
      headings.push(item)
      continue
    }
    if (last && (place === null || last.key === place)) last.items.push(...headings, item)
    else blocks.push({ key: place ?? 'unsent', items: [...headings, item], hasNew: false })
    headings = []
  }
  if (headings.length > 0) blocks.push({ key: 'end', items: headings, hasNew: false })
  for (const block of blocks) block.hasNew = block.items.some((item) => item.type === 'new')
  return blocks
}

/** The block in which a message stands: messages of one sender and minute stand where the first of them does. */
export function blockKey(conversationId: string, seq: number): string {
  return `${conversationId}-${Math.floor(seq / BLOCK_SPAN)}`
}

/** The height to hold free for a block that was never drawn. Asked for often, so no text is read through for it; drawing the block corrects it. */
export function guessedHeight(block: Block): number {
  let height = 0
  for (const item of block.items) {
    height += item.type === 'group' ? item.entries.reduce((sum, entry) => sum + entryHeight(entry), AROUND) : ALONE
  }
  return height
}

function entryHeight({ message, pending }: Entry): number {
  if ((message?.kind ?? pending?.kind) === 'picture') return PICTURE
  const text = message?.text ?? pending?.text ?? ''
  const letters = text.length * (text.charCodeAt(0) >= FIRST_WIDE ? 2 : 1)
  return MESSAGE + LINE * Math.max(1, Math.ceil(letters / LINE_LETTERS))
}

function placeOf(item: ThreadItem): string | null {
  const message = item.type === 'group' ? item.entries[0]?.message : item.type === 'event' || item.type === 'withdrawn' || item.type === 'note' ? item.message : null
  return message ? blockKey(message.conversation_id, message.seq) : null
}

function isUnsent(item: ThreadItem): boolean {
  return item.type === 'group' && item.entries[0]?.message === null
}
