import type { RichBlock } from '@qiatan/live'
import { describe, expect, it } from 'vitest'
import { viewables } from '../model/viewable'
import { message } from './make'

const paragraph: RichBlock = { kind: 'paragraph', spans: [{ text: '这样包' }] }
const inside = (id: string, alt?: string): RichBlock => ({ kind: 'picture', id, width: 4, height: 3, ...(alt ? { alt } : {}) })
const alone = (seq: number, over = {}) => message(seq, { kind: 'picture', text: null, data: { file_id: `file-${seq}`, name: `${seq}.png`, size: 1, width: 4, height: 3, content_type: 'image/png' }, ...over })
const rich = (seq: number, ...blocks: RichBlock[]) => message(seq, { kind: 'rich', data: { document: { blocks } } })
const seen = (...messages: Parameters<typeof viewables>[0]) => viewables(messages, (of, file) => `${of.conversation_id}/${file}`)

describe('the pictures of a thread', () => {
  it('are those sent alone and those inside messages with form, in the order they stand', () => {
    expect(seen(alone(1), message(2), rich(3, paragraph, inside('x', '壶'), inside('y')), alone(4))).toEqual([
      { key: 'a 1 0', url: 'a/file-1', name: '1.png' },
      { key: 'a 3 1', url: '/api/v1/reply-pictures/x', name: '壶' },
      { key: 'a 3 2', url: '/api/v1/reply-pictures/y', name: '' },
      { key: 'a 4 0', url: 'a/file-4', name: '4.png' },
    ])
  })

  it('are not those that were taken back', () => {
    expect(seen(alone(1, { withdrawn: true }), { ...rich(2, inside('x')), withdrawn: true })).toEqual([])
  })
})
