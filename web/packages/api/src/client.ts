import { Doubts } from './doubts'
import { ApiError, apiErrorFrom } from './errors'

export const REQUEST_TIMEOUT_MS = 15_000
/** For what the server asks another one for, in a line maybe: longer than it takes it to give up, as it can be asked once only. */
export const ASKING_OTHERS_TIMEOUT_MS = 30_000
const UPLOAD_TIMEOUT_MS = 120_000
const RETRY_DELAYS_MS = [300, 1_000]

export type Query = Record<string, string | number | boolean | null | undefined>

export interface RequestOptions {
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
  query?: Query | undefined
}

export interface UploadOptions extends Pick<RequestOptions, 'signal' | 'timeoutMs'> {
  /** Part of the whole that was sent, 0 … 1. */
  onProgress?: ((part: number) => void) | undefined
}

export interface ClientConfig {
  base?: string
  /** The `csrf_token` of `GET /me`, or null where nobody is signed in. */
  csrfToken: () => string | null
  /** Called when the server says that nobody is signed in (any more). */
  onSignedOut?: () => void
  /** Looks at every refusal before whoever asked gets it: for codes that concern the whole page. */
  onRefused?: (error: ApiError) => void
  /** Allows seeing what a colleague sees (`POST /agents/{id}/view-as`); null: nobody looks as somebody else. */
  viewToken?: () => string | null
  /** The answer to a GET that somebody asked for before; null, also in the promise: there is none. Not asked where a view token is set. */
  early?: (url: string) => Promise<EarlyAnswer | null> | null
}

/** An answer whose text is here, too: whoever takes it need not wait behind the drawing of the page for what came long ago. */
export interface EarlyAnswer {
  response: Response
  text: string
}

/** Names who is looked as; such a call can only read. */
export const VIEW_HEADER = 'X-Qiatan-View-As'

/** A file the server made, and the name it gave it. */
export interface Download {
  blob: Blob
  name: string
}

interface Answer<B> {
  status: number
  header: (name: string) => string | null
  body: B
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

function answered<B>(response: Response, body: B): Answer<B> {
  return { status: response.status, header: (name) => response.headers.get(name), body }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason instanceof Error ? signal.reason : new DOMException('Aborted', 'AbortError'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

function parsed(body: string): unknown {
  if (body === '') return null
  try {
    return JSON.parse(body)
  } catch {
    // A proxy's page instead of JSON: the status alone tells what happened.
    return null
  }
}

/** What `Content-Disposition` calls a file, its UTF-8 form first. */
function fileName(disposition: string | null): string {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1]
  if (encoded !== undefined && /^(?:[^%]|%[0-9a-f]{2})*$/i.test(encoded)) return decodeURIComponent(encoded)
  return /filename="([^"]+)"/i.exec(disposition ?? '')?.[1] ?? 'export.csv'
}

/** True where a second try of the same GET may succeed and can do no harm. Of a change nobody knows then whether it was made. */
function worthRetrying(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'network' || error.status === 502 || error.status === 503 || error.status === 504)
}

/** Talks JSON to `/api/v1`: CSRF header, time limits, one error class; repeats only GETs. */
export class ApiClient {
  private readonly base: string
  private readonly doubts = new Doubts()

  constructor(private readonly config: ClientConfig) {
    this.base = config.base ?? '/api/v1'
  }

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.repeated<T>(path, options)
  }

  post<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.once<T>('POST', path, body, options)
  }

  /**
   * Asks for something new, which is made once however often it is asked for because nobody heard of it. Not for what changes a state: who wants
   * the same state again later wants it anew.
   */
  async create<T>(path: string, body: unknown): Promise<T> {
    const wish = JSON.stringify([path, body])
    const key = this.doubts.keyOf(wish)
    try {
      const made = await this.once<T>('POST', path, body, {}, key)
      this.doubts.settle(wish)
      return made
    } catch (error) {
      if (error instanceof ApiError && !worthRetrying(error) && error.code !== 'timeout') this.doubts.settle(wish)
      throw error
    }
  }

  put<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.once<T>('PUT', path, body, options)
  }

  patch<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.once<T>('PATCH', path, body, options)
  }

  delete<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.once<T>('DELETE', path, body, options)
  }

  /** Fetches a file to keep, such as an export. */
  async download(path: string, options: RequestOptions = {}): Promise<Download> {
    const { status, header, body } = await this.exchange('GET', path, undefined, options, async (response) =>
      response.ok ? response.blob() : response.text())
    if (typeof body === 'string') throw this.refused(apiErrorFrom(status, parsed(body), header))
    return { blob: body, name: fileName(header('Content-Disposition')) }
  }

  /** Sends one file as multipart field `file`. XMLHttpRequest, because fetch reports no upload progress. */
  upload<T>(method: 'POST' | 'PUT', path: string, file: Blob, name: string, options: UploadOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const xhr = new XMLHttpRequest()
      const abort = (): void => xhr.abort()
      xhr.open(method, this.base + path)
      xhr.timeout = options.timeoutMs ?? UPLOAD_TIMEOUT_MS
      xhr.setRequestHeader('X-Qiatan-Csrf', this.config.csrfToken() ?? '1')
      const view = this.config.viewToken?.() ?? null
      if (view !== null) xhr.setRequestHeader(VIEW_HEADER, view)
      xhr.setRequestHeader('Accept', 'application/json')
      xhr.upload.onprogress = (event) => {
        if (event.lengthComputable) options.onProgress?.(event.loaded / event.total)
      }
      xhr.onload = () => {
        const body = parsed(xhr.responseText)
        if (xhr.status >= 200 && xhr.status < 300) resolve(body as T)
        else reject(this.refused(apiErrorFrom(xhr.status, body, (header) => xhr.getResponseHeader(header))))
      }
      xhr.onerror = () => reject(new ApiError({ code: 'network', message: 'no connection', status: 0 }))
      xhr.ontimeout = () => reject(new ApiError({ code: 'timeout', message: 'no answer in time', status: 0 }))
      xhr.onabort = () => reject(new DOMException('Aborted', 'AbortError'))
      xhr.onloadend = () => options.signal?.removeEventListener('abort', abort)
      if (options.signal?.aborted) {
        reject(new DOMException('Aborted', 'AbortError'))
        return
      }
      options.signal?.addEventListener('abort', abort, { once: true })
      const form = new FormData()
      form.append('file', file, name)
      xhr.send(form)
    })
  }

  private async repeated<T>(path: string, options: RequestOptions): Promise<T> {
    for (const delay of RETRY_DELAYS_MS) {
      try {
        return await this.once<T>('GET', path, undefined, options)
      } catch (error) {
        if (!worthRetrying(error)) throw error
        await sleep(delay, options.signal)
      }
    }
    return this.once<T>('GET', path, undefined, options)
  }

  private async once<T>(method: Method, path: string, body: unknown, options: RequestOptions, key?: string): Promise<T> {
    const early = method === 'GET' ? this.early(path, options) : null
    // Without one, the request goes out in the same task: before what the question was asked for is drawn.
    const { status, header, body: text } = (early ? await early : null)
      ?? await this.exchange(method, path, body, options, (response) => response.text(), key)
    if (status >= 200 && status < 300) return parsed(text) as T
    throw this.refused(apiErrorFrom(status, parsed(text), header))
  }

  private early(path: string, options: RequestOptions): Promise<Answer<string> | null> | null {
    if ((this.config.viewToken?.() ?? null) !== null) return null
    const early = this.config.early?.(this.url(path, options.query)) ?? null
    return early?.then((found) => found && answered(found.response, found.text)) ?? null
  }

  private async exchange<B>(method: Method, path: string, body: unknown, options: RequestOptions, read: (response: Response) => Promise<B>, key?: string): Promise<Answer<B>> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS)
    const headers = new Headers({ Accept: 'application/json' })
    if (method !== 'GET') headers.set('X-Qiatan-Csrf', this.config.csrfToken() ?? '1')
    const view = this.config.viewToken?.() ?? null
    if (view !== null) headers.set(VIEW_HEADER, view)
    if (key !== undefined) headers.set('Idempotency-Key', key)
    if (body !== undefined) headers.set('Content-Type', 'application/json')
    try {
      const response = await fetch(this.url(path, options.query), {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return answered(response, await read(response))
    } catch (error) {
      if (options.signal?.aborted) throw error
      if (timeout.aborted) throw new ApiError({ code: 'timeout', message: 'no answer in time', status: 0 })
      throw new ApiError({ code: 'network', message: error instanceof Error ? error.message : 'no connection', status: 0 })
    }
  }

  private refused(error: ApiError): ApiError {
    if (error.code === 'not_signed_in') this.config.onSignedOut?.()
    else this.config.onRefused?.(error)
    return error
  }

  private url(path: string, query: Query | undefined): string {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== null && value !== undefined) search.set(name, String(value))
    }
    const text = search.toString()
    return this.base + path + (text === '' ? '' : `?${text}`)
  }
}
