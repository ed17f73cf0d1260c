import { ApiError, type Id } from '@qiatan/api'
import { IndexedBlobStore, Outbox, UploadError, cancelUpload, messageOf, uploadInParts, type BegunUpload, type Message, type OutboxEntry, type RichDocument } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, onScopeDispose, shallowRef } from 'vue'
import { api, csrfToken } from '../../api'
import { live, onFrame } from '../../live'

const RETRYABLE = new Set([0, 408, 425, 429, 500, 502, 503, 504])

/** The agent's unsent messages: kept over reloads, sent in order, each once. */
export const useOutbox = defineStore('outbox', () => {
  const entries = shallowRef<readonly OutboxEntry[]>([])
  /** False from the moment a picture could not be kept for a reload. */
  const picturesKept = shallowRef(true)
  /** The conversations that hold something which was not sent. */
  const failed = computed(() => new Set(entries.value.flatMap((entry) => (entry.state === 'failed' && entry.conversation_id !== null ? [entry.conversation_id] : []))))
  const urls = new Map<Id, string>()
  const recalled = new Set<Id>()
  let outbox: Outbox | null = null
  let blobs: IndexedBlobStore | null = null

  /** Opens the outbox of one agent; `onSent` gets each message the server has stored. */
  function open(agentId: Id, onSent: (message: Message) => void): void {
    close()
    blobs = new IndexedBlobStore()
    const opened = new Outbox({
      scope: `agent:${agentId}`,
      send: (frame) => live.send(frame),
      upload: uploadForMessage,
      onCancelled: giveUp,
      onAck: (entry, ack) => onSent(messageOf(entry, ack, 'agent', agentId)),
      onChange: () => { if (outbox) show(outbox) },
      blobs,
      onBlobError: () => { picturesKept.value = false },
    })
    outbox = opened
    show(opened)
    opened.setOnline(live.state.value === 'open')
  }

  /** Entries change in place; the page is given copies, so that each change is drawn. */
  function show(from: Outbox): void {
    entries.value = from.entries.map((entry) => ({ ...entry }))
    const alive = new Set(entries.value.map((entry) => entry.client_message_id))
    for (const [id, url] of urls) {
      if (alive.has(id)) continue
      URL.revokeObjectURL(url)
      urls.delete(id)
    }
  }

  /** An address under which a picture that is being sent can be shown; null where only its name is left. */
  function previewUrl(entry: OutboxEntry): string | null {
    const known = urls.get(entry.client_message_id)
    if (known !== undefined) return known
    if (!entry.blob) {
      if (entry.state === 'failed') recall(entry)
      return null
    }
    const url = URL.createObjectURL(entry.blob)
    urls.set(entry.client_message_id, url)
    return url
  }

  /** A picture that failed before a reload is not fetched to be sent; it is to be seen all the same. */
  function recall({ client_message_id: id, kind }: OutboxEntry): void {
    const [from, kept] = [outbox, blobs]
    if (kind !== 'picture' || !from || !kept || recalled.has(id)) return
    recalled.add(id)
    kept.get(id).then((blob) => {
      if (!blob || outbox !== from || urls.has(id)) return
      urls.set(id, URL.createObjectURL(blob))
      show(from)
    }, () => { picturesKept.value = false })
  }

  function close(): void {
    outbox?.dispose()
    outbox = null
    blobs = null
    recalled.clear()
    entries.value = []
    for (const url of urls.values()) URL.revokeObjectURL(url)
    urls.clear()
  }

  onFrame('ack', (frame) => outbox?.acknowledged(frame))
  onFrame('error', (frame) => outbox?.refused(frame))
  onScopeDispose(close)

  return {
    entries,
    failed,
    picturesKept,
    open,
    close,
    previewUrl,
    /** Whether nothing more may be written until something has been sent. */
    full: () => outbox?.full ?? false,
    setOnline: (online: boolean) => outbox?.setOnline(online),
    text: (text: string, conversationId: Id, replyTo: number | null = null) => outbox?.text(text, conversationId, replyTo),
    /** Text with form; `text` is what it says without it. */
    rich: (document: RichDocument, text: string, conversationId: Id, replyTo: number | null = null) => outbox?.rich(document, text, conversationId, replyTo),
    picture: (file: Blob, conversationId: Id) => outbox?.picture(file, conversationId),
    /** A file of any kind: it goes up in parts, and on after a reload. */
    file: (file: File, conversationId: Id) => outbox?.file(file, conversationId),
    retry: (id: Id) => outbox?.retry(id),
    remove: (id: Id) => outbox?.remove(id),
  }
})

const UPLOADS = '/api/v1/uploads'

function headers(): Record<string, string> {
  return { 'X-Qiatan-Csrf': csrfToken() ?? '1' }
}

/** What is not given up here goes by itself after a day, so a failure is nobody's to look after. */
function giveUp(uploadId: string): void {
  cancelUpload(UPLOADS, headers(), uploadId).catch((error: unknown) => {
    if (!(error instanceof UploadError) && !(error instanceof TypeError)) throw error
  })
}

async function uploadForMessage(file: Blob, onProgress: (part: number) => void, signal: AbortSignal, begun: BegunUpload | null) {
  if (begun) return uploadInParts({ url: UPLOADS, headers, file, id: begun.id, begun: begun.set, onProgress, signal })
  try {
    return await api.uploadFile(file, file instanceof File ? file.name : 'picture', { onProgress, signal })
  } catch (error) {
    if (error instanceof ApiError) throw new UploadError(error.code, RETRYABLE.has(error.status))
    if (error instanceof DOMException && error.name === 'AbortError') throw new UploadError('aborted', false)
    throw error
  }
}
