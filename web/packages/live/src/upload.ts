import type { UploadedFile } from './frames'
import { UploadError } from './upload-error'

const LATER = new Set([0, 408, 425, 429, 500, 502, 503, 504])

/**
 * Sends a picture as multipart field `file` and tells how far it is (0..1).
 * Raises UploadError with the server's error code, `network` without an answer, `aborted` when the signal says so.
 */
export function uploadPicture(
  url: string,
  file: Blob,
  headers: Record<string, string>,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<UploadedFile> {
  return new Promise((resolve, reject) => {
    // fetch() tells nothing about the progress of what goes up
    const request = new XMLHttpRequest()
    const abort = (): void => request.abort()
    const fail = (code: string, retryable: boolean): void => {
      signal.removeEventListener('abort', abort)
      reject(new UploadError(code, retryable))
    }
    request.open('POST', url)
    request.responseType = 'json'
    request.timeout = 120_000
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    request.onload = () => {
      if (request.status === 201) {
        signal.removeEventListener('abort', abort)
        resolve(request.response as UploadedFile)
        return
      }
      const body = request.response as { error?: { code?: string } } | null
      const code = body?.error?.code ?? `http_${request.status}`
      // A quota is full for hours.
      fail(code, code !== 'quota_reached' && LATER.has(request.status))
    }
    request.onerror = () => fail('network', true)
    request.ontimeout = () => fail('network', true)
    request.onabort = () => fail('aborted', false)
    if (signal.aborted) {
      fail('aborted', false)
      return
    }
    signal.addEventListener('abort', abort)
    const form = new FormData()
    form.append('file', file, file instanceof File ? file.name : 'picture')
    request.send(form)
  })
}
