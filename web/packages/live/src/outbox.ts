import type { Ack, FrameOf } from './frames'
import type { RichDocument } from './rich'
import { storageOrMemory } from './storage'
import { carries, lost, stored, type Live, type OutboxEntry, type OutboxOptions } from './outbox-entry'
import { OutboxStore, type StoredEntry } from './outbox-store'
import { UploadError } from './upload-error'
import { Backoff } from './backoff'
import { uuidv7 } from './ids'

/** Codes after which the same message may still succeed by itself. Every other refusal is final until the person tries again. */
const TEMPORARY = new Set(['try_again', 'too_many', 'database_unavailable'])
/** Refusals that say nothing about the message: it waits for the next connection. */
const UNSIGNED = new Set(['not_signed_in', 'token_expired'])
const ACK_TIMEOUT = 10_000
const ATTEMPTS = 5
const RENEW = 5_000
/** The others wait: so the first ones arrive sooner. */
const FILES_AT_ONCE = 2
/** A line that is down for long, or a script, must not fill the storage: whoever reaches this is told so. */
const MOST_UNSENT = 200

/** There are as many unsent messages as are kept: nothing was taken. `code` is what the page shows for it. */
export class OutboxFull extends Error {
  readonly code = 'outbox_full'

  constructor() {
    super(`${MOST_UNSENT} messages are waiting to be sent: send or remove some before writing more`)
    this.name = 'OutboxFull'
  }
}

/** Unsent messages: kept over reloads, sent one after the other, each once. */
export class Outbox {
  private readonly store: OutboxStore
  private list: Live[] = []
  private online = false
  private inFlight: string | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private renewal: ReturnType<typeof setInterval> | null = null
  private readonly backoff = new Backoff(1000, 30_000)

  constructor(private readonly options: OutboxOptions) {
    this.store = new OutboxStore(options.storage ?? storageOrMemory(), options.scope)
    this.list = this.store.load(Date.now()).map((entry) => this.alive(entry, null))
    this.watch()
    window.addEventListener('storage', this.onStorage)
    window.addEventListener('pagehide', this.onPageHide)
    window.addEventListener('pageshow', this.onPageShow)
  }

  /** Oldest first, those of this person's other tabs included. */
  get entries(): readonly OutboxEntry[] {
    return this.list
  }

  /** Whether no further message is taken until some are sent or removed. */
  get full(): boolean {
    return this.list.length >= MOST_UNSENT
  }

  /** Raises OutboxFull. */
  text(text: string, conversationId: string | null = null, replyTo: number | null = null): OutboxEntry {
    return this.add({ kind: 'text', text, name: null, conversation_id: conversationId, reply_to: replyTo }, null)
  }

  /** Text with form; `text` is what it says without it. Raises OutboxFull. */
  rich(document: RichDocument, text: string, conversationId: string | null = null, replyTo: number | null = null): OutboxEntry {
    return this.add({ kind: 'rich', text, document, name: null, conversation_id: conversationId, reply_to: replyTo }, null)
  }

  /** Raises OutboxFull. */
  picture(file: Blob, conversationId: string | null = null): OutboxEntry {
    const name = file instanceof File ? file.name : null
    const entry = this.add({ kind: 'picture', text: null, name, conversation_id: conversationId, reply_to: null }, file)
    this.options.blobs?.put(entry.client_message_id, file).catch((error: unknown) => this.options.onBlobError?.(error))
    return entry
  }

  /** A file of any kind, sent in parts that go on after a reload. Raises OutboxFull. */
  file(file: File, conversationId: string | null = null): OutboxEntry {
    const entry = this.add({ kind: 'file', text: null, name: file.name, size: file.size, conversation_id: conversationId, reply_to: null }, file)
    this.options.blobs?.put(entry.client_message_id, file).catch((error: unknown) => this.options.onBlobError?.(error))
    return entry
  }

  retry(id: string): void {
    const entry = this.find(id)
    if (!entry || entry.state !== 'failed') return
    if (entry.error === 'file_not_found') entry.file = null
    Object.assign(entry, { state: 'sending', error: null, attempts: 0, notBefore: 0, ...this.store.claim(stored(entry)) })
    this.keep(entry)
    this.pump()
  }

  remove(id: string): void {
    const entry = this.find(id)
    entry?.upload?.abort()
    this.drop(id)
    if (entry?.upload_id && !entry.file) this.options.onCancelled?.(entry.upload_id)
    this.pump()
  }

  /** The line is open, or not. What had no ack on the old line is sent again. */
  setOnline(online: boolean): void {
    this.online = online
    this.release()
    if (online) {
      for (const entry of this.list) Object.assign(entry, { attempts: 0, notBefore: 0 })
      this.refresh()
    }
    this.pump()
  }

  acknowledged(ack: Ack): void {
    const entry = this.find(ack.client_message_id)
    if (this.inFlight === ack.client_message_id) this.release()
    if (entry) {
      this.backoff.reset()
      this.drop(entry.client_message_id)
      this.options.onAck(entry, ack)
    }
    this.pump()
  }

  refused(frame: FrameOf<'error'>): void {
    const entry = frame.ref ? this.find(frame.ref) : undefined
    if (!entry) return
    if (this.inFlight === entry.client_message_id) this.release()
    if (UNSIGNED.has(frame.code)) return
    if (TEMPORARY.has(frame.code) && entry.attempts < ATTEMPTS) {
      this.pumpIn(Math.max(this.backoff.next(), (frame.retry_after ?? 0) * 1000))
      return
    }
    if (frame.code === 'file_not_found' && entry.attempts < 2) {
      // an upload that waited too long is gone on the server: the picture goes up again
      entry.file = null
      this.keep(entry)
    } else {
      this.fail(entry, frame.code)
    }
    this.pump()
  }

  dispose(): void {
    this.online = false
    this.release()
    if (this.renewal !== null) clearInterval(this.renewal)
    for (const entry of this.list) entry.upload?.abort()
    this.store.release()
    window.removeEventListener('storage', this.onStorage)
    window.removeEventListener('pagehide', this.onPageHide)
    window.removeEventListener('pageshow', this.onPageShow)
  }

  private readonly onStorage = (event: StorageEvent): void => {
    if (this.store.concerns(event.key)) {
      this.refresh()
      this.pump()
    }
  }

  private readonly onPageHide = (): void => this.store.release()

  private readonly onPageShow = (event: PageTransitionEvent): void => {
    if (event.persisted) this.refresh()
  }

  private add(part: Pick<StoredEntry, 'kind' | 'text' | 'document' | 'name' | 'size' | 'conversation_id' | 'reply_to'>, blob: Blob | null): OutboxEntry {
    if (this.full) throw new OutboxFull()
    const entry = this.alive(
      this.store.claim({ client_message_id: uuidv7(), created_at: Date.now(), file: null, failed: null, ...part }),
      blob,
    )
    this.store.renew(Date.now())
    this.list = [...this.list, entry]
    this.keep(entry)
    this.watch()
    this.pump()
    return entry
  }

  private alive(entry: StoredEntry, blob: Blob | null): Live {
    const { failed, ...rest } = entry
    return { ...rest, reply_to: rest.reply_to ?? null, blob, state: failed ? 'failed' : 'sending', error: failed, progress: null, attempts: 0, notBefore: 0, upload: null }
  }

  /** Takes over what storage says: entries of other tabs appear, what another tab sent or deleted goes, orphans become ours. */
  private refresh(): void {
    const now = Date.now()
    const list = this.store.load(now).map((entry) => {
      const here = this.find(entry.client_message_id)
      if (!here) return this.alive(entry, null)
      here.owner = entry.owner
      if (!this.store.isOwn(entry)) Object.assign(here, { state: entry.failed ? 'failed' : 'sending', error: entry.failed })
      return here
    })
    for (const entry of this.list) if (!list.includes(entry)) entry.upload?.abort()
    this.list = list
    this.watch()
    this.options.onChange?.()
  }

  private watch(): void {
    const needed = this.list.length > 0
    if (needed && this.renewal === null) {
      this.store.renew(Date.now())
      this.renewal = setInterval(() => {
        this.store.renew(Date.now())
        if (this.list.some((entry) => !this.owns(entry))) this.refresh()
        this.pump()
      }, RENEW)
    } else if (!needed && this.renewal !== null) {
      clearInterval(this.renewal)
      this.renewal = null
    }
  }

  private pump(): void {
    if (!this.online) return
    const due = this.list.filter((entry) => this.owns(entry) && entry.state === 'sending' && entry.notBefore <= Date.now())
    let files = this.list.filter((entry) => entry.kind === 'file' && entry.upload).length
    for (const entry of due) {
      if (!carries(entry) || entry.file || entry.upload || (entry.kind === 'file' && ++files > FILES_AT_ONCE)) continue
      void this.upload(entry)
    }
    if (this.inFlight !== null || this.timer !== null) return
    // a picture that is still going up does not hold back what was written after it
    const next = due.find((entry) => !carries(entry) || entry.file)
    if (!next) return
    const id = next.client_message_id
    const sent = this.options.send({
      type: 'send',
      client_message_id: id,
      kind: next.kind,
      ...(next.conversation_id ? { conversation_id: next.conversation_id } : {}),
      ...(next.reply_to === null ? {} : { reply_to: next.reply_to }),
      ...(next.kind === 'text' ? { text: next.text ?? '' } : next.document ? { document: next.document } : { file_id: next.file?.id ?? '' }),
    })
    if (!sent) return
    next.attempts += 1
    this.inFlight = id
    this.timer = setTimeout(() => this.unanswered(id), ACK_TIMEOUT)
  }

  private unanswered(id: string): void {
    this.release()
    const entry = this.find(id)
    if (entry && entry.attempts >= ATTEMPTS) this.fail(entry, 'no_answer')
    this.pump()
  }

  private async upload(entry: Live): Promise<void> {
    const abort = new AbortController()
    entry.upload = abort
    try {
      entry.blob ??= (await this.options.blobs?.get(entry.client_message_id)) ?? null
      if (!entry.blob) {
        this.fail(entry, lost(entry))
        return
      }
      entry.progress = 0
      this.options.onChange?.()
      entry.file = await this.options.upload(
        entry.blob,
        (part) => {
          // a file that goes on is not failing, however often its line breaks
          if (entry.kind === 'file' && part > (entry.progress ?? 0)) entry.attempts = 0
          entry.progress = part
          this.options.onChange?.()
        },
        abort.signal,
        entry.kind === 'file' ? { id: entry.upload_id ?? null, set: (id) => this.began(entry, id) } : null,
      )
      if (this.find(entry.client_message_id)) this.keep(entry)
    } catch (error) {
      if (!(error instanceof UploadError)) {
        this.options.onBlobError?.(error)
        this.fail(entry, lost(entry))
      } else if (error.retryable && ++entry.attempts < ATTEMPTS) {
        const wait = this.backoff.next()
        entry.notBefore = Date.now() + wait
        setTimeout(() => this.pump(), wait)
      } else if (error.code !== 'aborted') {
        this.fail(entry, error.code)
      }
    } finally {
      entry.upload = null
      entry.progress = null
      this.options.onChange?.()
    }
    this.pump()
  }

  private began(entry: Live, id: string | null): void {
    entry.upload_id = id
    if (this.find(entry.client_message_id)) this.keep(entry)
    else if (id) this.options.onCancelled?.(id)
  }

  private fail(entry: Live, code: string): void {
    Object.assign(entry, { state: 'failed', error: code, progress: null })
    if (this.find(entry.client_message_id)) this.keep(entry)
  }

  private keep(entry: Live): void {
    this.store.save({ ...stored(entry), owner: entry.owner })
    this.options.onChange?.()
  }

  private drop(id: string): void {
    const entry = this.find(id)
    this.store.remove(id)
    this.list = this.list.filter((entry) => entry.client_message_id !== id)
    if (this.inFlight === id) this.release()
    if (entry && carries(entry)) this.options.blobs?.delete(id).catch((error: unknown) => this.options.onBlobError?.(error))
    this.watch()
    this.options.onChange?.()
  }

  private pumpIn(wait: number): void {
    this.release()
    this.timer = setTimeout(() => {
      this.release()
      this.pump()
    }, wait)
  }

  private release(): void {
    this.inFlight = null
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private owns(entry: Live): boolean {
    return this.store.isOwn(entry)
  }

  private find(id: string): Live | undefined {
    return this.list.find((entry) => entry.client_message_id === id)
  }
}
