import 'fake-indexeddb/auto'
import * as buffer from 'node:buffer'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { IndexedBlobStore, MemoryStorage, Outbox, OutboxFull, UploadError, messageOf, type Ack, type OutboxEntry, type OutboxOptions, type SendFrame, type UploadedFile } from '../src'

let storage: MemoryStorage
let boxes: Outbox[]

beforeEach(() => {
  vi.useFakeTimers()
  storage = new MemoryStorage()
  boxes = []
})
afterEach(() => {
  for (const box of boxes) box.dispose()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const file: UploadedFile = { id: 'f1', name: 'a.png', content_type: 'image/png', size: 3, width: 1, height: 1 }

interface Tab {
  box: Outbox
  sent: SendFrame[]
  acked: { entry: OutboxEntry; ack: Ack }[]
  states: () => string[]
}

function tab(options: Partial<OutboxOptions> = {}): Tab {
  const sent: SendFrame[] = []
  const acked: Tab['acked'] = []
  const box = new Outbox({
    scope: 'k',
    storage,
    send: (frame) => {
      sent.push(frame)
      return true
    },
    upload: async () => file,
    onAck: (entry, ack) => acked.push({ entry, ack }),
    ...options,
  })
  boxes.push(box)
  return { box, sent, acked, states: () => box.entries.map((entry) => `${entry.state}${entry.error ? ':' + entry.error : ''}`) }
}

const ackOf = (frame: SendFrame, seq = 1): Ack => ({ client_message_id: frame.client_message_id, conversation_id: 'c1', seq, at: '2026-01-01T00:00:00Z' })
const refusal = (frame: SendFrame, code: string, retry_after?: number) => ({ type: 'error' as const, code, ref: frame.client_message_id, message: '', retry_after: retry_after ?? null })
const tick = (ms = 1): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const storageEvent = (): boolean => window.dispatchEvent(new StorageEvent('storage', { key: null }))

describe('Outbox', () => {
  it('keeps what was written offline and sends it in order, one after the other', () => {
    const a = tab()
    a.box.text('one')
    a.box.text('two', 'c7')
    expect(a.sent).toEqual([])
    a.box.setOnline(true)
    expect(a.sent.map((frame) => frame.text)).toEqual(['one'])
    a.box.acknowledged(ackOf(a.sent[0]!))
    expect(a.sent.map((frame) => [frame.text, frame.conversation_id])).toEqual([['one', undefined], ['two', 'c7']])
    a.box.acknowledged(ackOf(a.sent[1]!, 2))
    expect(a.box.entries).toEqual([])
    expect(storage.keys().filter((key) => key.includes('outbox'))).toEqual([])
    expect(a.acked.map(({ ack }) => ack.seq)).toEqual([1, 2])
  })

  it('takes 200 unsent messages and refuses the next, until there is room again', () => {
    const a = tab()
    for (let i = 0; i < 200; i++) a.box.text(`m${i}`)
    expect(a.box.full).toBe(true)
    expect(() => a.box.text('one more')).toThrow(OutboxFull)
    expect(() => a.box.picture(new Blob(['x']))).toThrow(/200/)
    expect(a.box.entries.length).toBe(200)
    a.box.setOnline(true)
    a.box.acknowledged(ackOf(a.sent[0]!))
    a.box.text('one more')
    expect(a.box.entries.at(-1)?.text).toBe('one more')
  })

  it('throws nonsense in the storage away', () => {
    const good = { client_message_id: 'a', conversation_id: null, kind: 'text', text: 'x', name: null, file: null, failed: null, created_at: 1, owner: 'gone' }
    const bad = [{ kind: 'call' }, { text: 5 }, { created_at: null }, { owner: 7 }, { conversation_id: {} }]
    storage.setItem('qiatan.outbox.k.a', JSON.stringify(good))
    bad.forEach((part, i) => storage.setItem(`qiatan.outbox.k.b${i}`, JSON.stringify({ ...good, ...part })))
    expect(tab().box.entries.map((entry) => entry.text)).toEqual(['x'])
    expect(storage.keys().filter((key) => key.startsWith('qiatan.outbox'))).toEqual(['qiatan.outbox.k.a'])
  })

  it('sends again with the same id: without an ack in 10 s, and on a new line', async () => {
    const a = tab()
    a.box.setOnline(true)
    a.box.text('one')
    await tick(10_001)
    a.box.setOnline(false)
    a.box.setOnline(true)
    expect(a.sent.length).toBe(3)
    expect(new Set(a.sent.map((frame) => frame.client_message_id)).size).toBe(1)
    a.box.acknowledged(ackOf(a.sent[0]!))
    a.box.acknowledged(ackOf(a.sent[0]!))
    expect(a.acked.length).toBe(1)
  })

  it('gives up visibly when the server never answers, and can be asked to try again', async () => {
    const a = tab()
    a.box.setOnline(true)
    a.box.text('one')
    await tick(60_000)
    expect(a.states()).toEqual(['failed:no_answer'])
    a.box.retry(a.sent[0]!.client_message_id)
    expect(a.states()).toEqual(['sending'])
    a.box.acknowledged(ackOf(a.sent.at(-1)!))
    expect(a.box.entries).toEqual([])
  })

  it('survives a reload with the same id, failed ones included', () => {
    const a = tab()
    a.box.setOnline(true)
    a.box.text('bad')
    a.box.refused(refusal(a.sent[0]!, 'too_long'))
    a.box.text('good')
    const id = a.sent[1]!.client_message_id
    a.box.dispose()
    const b = tab()
    expect(b.states()).toEqual(['failed:too_long', 'sending'])
    b.box.setOnline(true)
    expect(b.sent).toEqual([{ type: 'send', client_message_id: id, kind: 'text', text: 'good' }])
    b.box.acknowledged(ackOf(b.sent[0]!))
    b.box.remove(b.box.entries[0]!.client_message_id)
    expect(tab().box.entries).toEqual([])
  })

  it.each(['too_long', 'empty', 'invalid_text', 'conversation_ended', 'not_yours', 'not_allowed', 'storage_full'])('shows %s at once and goes on with the next', (code) => {
    const a = tab()
    a.box.setOnline(true)
    a.box.text('one')
    a.box.text('two')
    a.box.refused(refusal(a.sent[0]!, code))
    expect(a.states()).toEqual([`failed:${code}`, 'sending'])
    expect(a.sent[1]?.text).toBe('two')
  })

  it('waits as long as it is told after too_many, then tries again by itself', async () => {
    const a = tab()
    a.box.setOnline(true)
    a.box.text('one')
    a.box.refused(refusal(a.sent[0]!, 'too_many', 7))
    await tick(6_900)
    expect(a.sent.length).toBe(1)
    await tick(200)
    expect(a.sent.length).toBe(2)
    expect(a.states()).toEqual(['sending'])
  })

  it('shows another tab what is unsent, but only one of them sends it', () => {
    const a = tab()
    a.box.text('one')
    const b = tab()
    expect(b.box.entries.map((entry) => entry.text)).toEqual(['one'])
    b.box.setOnline(true)
    expect(b.sent).toEqual([])
    a.box.setOnline(true)
    a.box.acknowledged(ackOf(a.sent[0]!))
    storageEvent()
    expect(b.box.entries).toEqual([])
  })

  it('takes over what a closed tab left', async () => {
    const a = tab()
    a.box.text('one')
    const b = tab()
    b.box.setOnline(true)
    expect(b.sent).toEqual([])
    a.box.dispose()
    await tick(5_001)
    expect(b.sent.map((frame) => frame.text)).toEqual(['one'])
  })

  it('uploads first, tells progress, and does not hold back later text', async () => {
    let finish: (value: UploadedFile) => void = () => undefined
    const a = tab({
      upload: (_file, onProgress) => {
        onProgress(0.5)
        return new Promise((resolve) => (finish = resolve))
      },
    })
    a.box.setOnline(true)
    a.box.picture(new File(['abc'], 'a.png', { type: 'image/png' }))
    await tick()
    expect(a.box.entries[0]?.progress).toBe(0.5)
    a.box.text('meanwhile')
    a.box.acknowledged(ackOf(a.sent[0]!))
    finish(file)
    await tick()
    expect(a.sent[1]).toMatchObject({ kind: 'picture', file_id: 'f1' })
    a.box.acknowledged(ackOf(a.sent[1]!, 2))
    expect(messageOf(a.acked[1]!.entry, a.acked[1]!.ack, 'customer', 'v1')).toMatchObject({ kind: 'picture', seq: 2, data: { file_id: 'f1', width: 1 } })
  })

  it('fails a picture that the server will never take, and retries one that the network lost', async () => {
    const errors = [new UploadError('network', true), new UploadError('not_a_picture', false)]
    let calls = 0
    const a = tab({
      upload: async () => {
        calls += 1
        throw errors.shift() ?? new Error('more calls than planned')
      },
    })
    a.box.setOnline(true)
    a.box.picture(new File(['abc'], 'a.png', { type: 'image/png' }))
    await tick()
    expect(a.states()).toEqual(['sending'])
    await tick(3000)
    expect(calls).toBe(2)
    expect(a.states()).toEqual(['failed:not_a_picture'])
  })

  it('uploads again when the uploaded file is gone on the server', async () => {
    let calls = 0
    const a = tab({ upload: async () => ({ ...file, id: `f${++calls}` }) })
    a.box.setOnline(true)
    a.box.picture(new File(['abc'], 'a.png', { type: 'image/png' }))
    await tick()
    a.box.refused(refusal(a.sent[0]!, 'file_not_found'))
    await tick()
    expect(a.sent.map((frame) => frame.file_id)).toEqual(['f1', 'f2'])
  })

  it('stops an upload that is deleted', async () => {
    let aborted = false
    const a = tab({
      upload: (_file, _onProgress, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true
            reject(new UploadError('aborted', false))
          })
        }),
    })
    a.box.setOnline(true)
    const entry = a.box.picture(new File(['abc'], 'a.png', { type: 'image/png' }))
    await tick()
    a.box.remove(entry.client_message_id)
    await tick()
    expect(aborted).toBe(true)
    expect(a.box.entries).toEqual([])
  })

  it('has lost a picture after a reload only where it could not be kept, and says so', async () => {
    vi.useRealTimers()
    // jsdom's own Blob cannot give its bytes
    vi.stubGlobal('Blob', buffer.Blob)
    vi.stubGlobal('File', buffer.File)
    const errors: unknown[] = []
    const a = tab({ blobs: new IndexedBlobStore(), onBlobError: (error) => errors.push(error) })
    a.box.picture(new File(['abc'], 'kept.png', { type: 'image/png' }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(errors).toEqual([])
    a.box.dispose()
    const uploads: Blob[] = []
    const b = tab({
      blobs: new IndexedBlobStore(),
      upload: async (blob) => {
        uploads.push(blob)
        return file
      },
    })
    b.box.setOnline(true)
    await vi.waitFor(() => expect(b.sent[0]).toMatchObject({ kind: 'picture', file_id: 'f1' }))
    expect(uploads[0]).toMatchObject({ name: 'kept.png', type: 'image/png', size: 3 })
    b.box.acknowledged(ackOf(b.sent[0]!))

    const c = tab({ blobs: null })
    c.box.picture(new File(['abc'], 'a.png', { type: 'image/png' }))
    c.box.dispose()
    const d = tab({ blobs: null })
    d.box.setOnline(true)
    await vi.waitFor(() => expect(d.states()).toEqual(['failed:picture_lost']))
  })

  it('leaves nothing of a picture behind that is removed while its bytes are still being read', async () => {
    vi.useRealTimers()
    vi.stubGlobal('Blob', buffer.Blob)
    vi.stubGlobal('File', buffer.File)
    let read: (bytes: ArrayBuffer) => void = () => undefined
    const slow = Object.assign(new File(['abc'], 'slow.png'), { arrayBuffer: () => new Promise<ArrayBuffer>((resolve) => (read = resolve)) })
    const blobs = new IndexedBlobStore()
    const put = blobs.put('p1', slow)
    const removed = blobs.delete('p1')
    // what is asked of the same store meanwhile is answered: nothing waits for the bytes but the removal
    expect(await blobs.get('p1')).toBeNull()
    read(new ArrayBuffer(3))
    await Promise.all([put, removed])
    expect(await blobs.get('p1')).toBeNull()
  })

  it('removes what it cannot read from storage', () => {
    storage.setItem('qiatan.outbox.k.x', '{broken')
    storage.setItem('qiatan.outbox.k.y', '{"kind":"other"}')
    expect(tab().box.entries).toEqual([])
    expect(storage.keys().filter((key) => key.includes('outbox'))).toEqual([])
  })
})
