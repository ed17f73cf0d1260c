import type { Ack, FileData, Message, PictureData, ReplyRef, RichData, SendFrame, SenderKind, SentFile, UploadedFile } from './frames'
import type { BlobStore } from './blobs'
import type { StoredEntry } from './outbox-store'
import type { RichDocument } from './rich'
import type { KeyValueStorage } from './storage'

/** What waits to be sent, and what becomes of it. */

/** The server's rule (F14); only the message that was just sent is drawn by it. */
const FILES_KEPT = 7 * 86_400_000
export interface OutboxEntry {
  client_message_id: string
  conversation_id: string | null
  kind: 'text' | 'picture' | 'rich' | 'file'
  /** What a rich one says without its form. */
  text: string | null
  /** The picture while it is here, for a preview. */
  blob: Blob | null
  name: string | null
  file: UploadedFile | SentFile | null
  /** A file's bytes. */
  size?: number
  /** The seq it answers. */
  reply_to: number | null
  document?: RichDocument | null
  state: 'sending' | 'failed'
  /** Why it failed: an error code of protocol.md, `picture_lost`, `file_lost`, `no_answer` or `network`. */
  error: string | null
  /** Upload progress 0..1; null when nothing goes up. */
  progress: number | null
  created_at: number
}

export interface BegunUpload {
  id: string | null
  set: (id: string | null) => void
}

export interface OutboxOptions {
  scope: string
  send: (frame: SendFrame) => boolean
  /** `begun` is there for files: the upload that goes on, and whom to tell which one it is. */
  upload: (file: Blob, onProgress: (part: number) => void, signal: AbortSignal, begun: BegunUpload | null) => Promise<UploadedFile | SentFile>
  /** Told of a begun upload that nobody wants any more. */
  onCancelled?: (uploadId: string) => void
  onAck: (entry: OutboxEntry, ack: Ack) => void
  /** Entries changed, those in `entries` in place. Not told by the constructor itself. */
  onChange?: () => void
  storage?: KeyValueStorage
  blobs?: BlobStore | null
  /** Told when the picture could not be kept for a reload, or not read back. */
  onBlobError?: (error: unknown) => void
}

/** An entry as the outbox works on it. */
export interface Live extends OutboxEntry {
  owner: string
  attempts: number
  notBefore: number
  upload: AbortController | null
  upload_id?: string | null
}

/** Whether something has to go up before the message can be sent. */
export function carries(entry: Live): boolean {
  return entry.kind === 'picture' || entry.kind === 'file'
}

export function lost(entry: Live): string {
  return entry.kind === 'file' ? 'file_lost' : 'picture_lost'
}

export function stored(entry: Live): Omit<StoredEntry, 'owner'> {
  const { client_message_id, conversation_id, kind, text, document, name, size, file, upload_id, reply_to, created_at } = entry
  return { client_message_id, conversation_id, kind, text, ...(document ? { document } : {}), name, ...(kind === 'file' ? { size: size ?? 0, upload_id: upload_id ?? null } : {}), file, reply_to, created_at, failed: entry.state === 'failed' ? (entry.error ?? 'failed') : null }
}

/** The message that an acknowledged entry has become; the server does not send it back to the connection that sent it. */
export function messageOf(entry: OutboxEntry, ack: Ack, senderKind: SenderKind, senderId: string | null): Message {
  const reply = entry.reply_to === null ? null : { reply_to: { seq: entry.reply_to } }
  const data: PictureData | FileData | RichData | ReplyRef | null = entry.file
    ? {
        ...reply,
        file_id: entry.file.id,
        name: entry.file.name,
        content_type: entry.file.content_type,
        size: entry.file.size,
        ...('width' in entry.file
          ? { width: entry.file.width, height: entry.file.height }
          : { risky: entry.file.risky, expires_at: new Date(Date.parse(ack.at) + FILES_KEPT).toISOString() }),
      }
    : entry.document ? { ...reply, document: entry.document } : reply
  return {
    conversation_id: ack.conversation_id,
    seq: ack.seq,
    kind: entry.kind,
    sender_kind: senderKind,
    sender_id: senderId,
    client_message_id: ack.client_message_id,
    at: ack.at,
    text: entry.text,
    data,
    withdrawn: false,
  }
}
