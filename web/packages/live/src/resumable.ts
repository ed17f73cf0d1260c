import type { SentFile } from './frames'
import { UploadError } from './upload-error'

const LATER = new Set([0, 408, 425, 429, 500, 502, 503, 504])
const SMALLEST = 64 * 1024
const FIRST = 512 * 1024
/** A part that takes longer is followed by a smaller one, a quick one by a larger one. */
const SLOW = 8_000
const QUICK = 1_500
const PART_TIMEOUT = 120_000
const MISPLACED = 5

interface Upload {
  id: string
  size: number
  offset: number
  chunk_bytes: number
}

interface Answer {
  status: number
  body: unknown
}

export interface ResumableUpload {
  /** `/api/v1/uploads`, or the visitors' one. */
  url: string
  headers: () => Record<string, string>
  file: Blob
  /** An upload that was begun before; null: none. */
  id: string | null
  /** Which upload it is now, to be kept over a reload; null: it is gone. */
  begun: (id: string | null) => void
  /** How much has arrived, 0..1. */
  onProgress: (part: number) => void
  signal: AbortSignal
}

/**
 * Sends a file in parts, going on where an earlier try stopped.
 * Raises UploadError with the server's error code, `network` without an answer, `aborted` when the signal says so.
 */
export async function uploadInParts(asked: ResumableUpload): Promise<SentFile> {
  const { file } = asked
  let upload = asked.id === null ? null : await known(asked, asked.id)
  if (!upload) {
    const name = file instanceof File ? file.name : ''
    upload = (await exchange(asked, 'POST', '', JSON.stringify({ name: name.slice(0, 1_000), size: file.size }))) as Upload
    asked.begun(upload.id)
  }
  const path = `/${encodeURIComponent(upload.id)}`
  let size = Math.min(FIRST, upload.chunk_bytes)
  let misplaced = 0
  while (upload.offset < upload.size) {
    const { offset } = upload
    asked.onProgress(offset / upload.size)
    const part = file.slice(offset, offset + size)
    const began = performance.now()
    try {
      upload = (await exchange(asked, 'PATCH', `${path}?offset=${offset}`, part, (loaded) => asked.onProgress((offset + loaded) / file.size))) as Upload
      misplaced = 0
    } catch (error) {
      if (!(error instanceof UploadError)) throw error
      if (error.code !== 'upload_moved' || ++misplaced > MISPLACED) throw error
      // the answer to a part was lost, or another tab sent it: what has arrived is not sent again
      upload = (await exchange(asked, 'GET', path)) as Upload
      continue
    }
    const took = performance.now() - began
    if (took < QUICK) size = Math.min(size * 2, upload.chunk_bytes)
    else if (took > SLOW) size = Math.max(SMALLEST, size / 2)
  }
  asked.onProgress(1)
  return (await exchange(asked, 'POST', `${path}/finish`, '{}')) as SentFile
}

/** Gives an upload up; one that is gone already is fine. */
export async function cancelUpload(url: string, headers: Record<string, string>, id: string): Promise<void> {
  const answer = await fetch(`${url}/${encodeURIComponent(id)}`, { method: 'DELETE', headers, credentials: 'same-origin' })
  if (!answer.ok && answer.status !== 404) throw new UploadError(`http_${answer.status}`, true)
}

async function known(asked: ResumableUpload, id: string): Promise<Upload | null> {
  try {
    return (await exchange(asked, 'GET', `/${encodeURIComponent(id)}`)) as Upload
  } catch (error) {
    if (!(error instanceof UploadError) || error.code !== 'not_found') throw error
    asked.begun(null)
    return null
  }
}

async function exchange(asked: ResumableUpload, method: string, path: string, body?: string | Blob, onProgress?: (loaded: number) => void): Promise<unknown> {
  const { status, body: answer } = await send(asked, method, path, body, onProgress)
  if (status >= 200 && status < 300) return answer
  const code = (answer as { error?: { code?: string } } | null)?.error?.code ?? `http_${status}`
  if (code === 'not_found') asked.begun(null)
  // what lapsed on the way is begun anew by the next try; a quota is not full of patience
  throw new UploadError(code, code !== 'quota_reached' && (LATER.has(status) || (code === 'not_found' && method === 'PATCH')))
}

function send(asked: ResumableUpload, method: string, path: string, body?: string | Blob, onProgress?: (loaded: number) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // fetch() tells nothing about the progress of what goes up
    const request = new XMLHttpRequest()
    const abort = (): void => request.abort()
    const fail = (code: string, retryable: boolean): void => reject(new UploadError(code, retryable))
    request.open(method, asked.url + path)
    request.responseType = 'json'
    request.timeout = PART_TIMEOUT
    for (const [name, value] of Object.entries(asked.headers())) request.setRequestHeader(name, value)
    if (body !== undefined) request.setRequestHeader('Content-Type', typeof body === 'string' ? 'application/json' : 'application/octet-stream')
    if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onload = () => resolve({ status: request.status, body: request.response as unknown })
    request.onerror = () => fail('network', true)
    request.ontimeout = () => fail('network', true)
    request.onabort = () => fail('aborted', false)
    request.onloadend = () => asked.signal.removeEventListener('abort', abort)
    if (asked.signal.aborted) {
      fail('aborted', false)
      return
    }
    asked.signal.addEventListener('abort', abort, { once: true })
    // slices of a Blob keep its type, which the browser would send instead of ours
    request.send(body instanceof Blob ? body.slice(0, body.size, 'application/octet-stream') : body)
  })
}
