/** An answer that is not a success: the server's code, `network` where there was none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(`${status} ${code}`)
    this.name = 'ApiError'
  }
}

/** A picture may be large, and a line slow. */
const WITHIN = { json: 20_000, blob: 120_000 }

/** What the server answers. An answer that breaks off, comes to a stop or makes no sense is none. Raises ApiError. */
export async function request<T>(method: string, path: string, token: string | null, body?: unknown, as: keyof typeof WITHIN = 'json'): Promise<T> {
  const abort = new AbortController()
  const patience = setTimeout(() => abort.abort(), WITHIN[as])
  const headers: Record<string, string> = {}
  if (token) headers.Authorization = `Bearer ${token}`
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  try {
    const init: RequestInit = { method, headers, credentials: 'omit', signal: abort.signal }
    if (body !== undefined) init.body = JSON.stringify(body)
    const response = await fetch(`/api/v1${path}`, init)
    if (!response.ok) throw new ApiError(response.status, await codeOf(response))
    return (response.status === 204 ? null : await response[as]()) as T
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'network')
  } finally {
    clearTimeout(patience)
  }
}

/** An error page of a proxy is not JSON: then the status has to say it. */
async function codeOf(response: Response): Promise<string> {
  if (!response.headers.get('Content-Type')?.startsWith('application/json')) return `http_${response.status}`
  const answer = (await response.json()) as { error?: { code?: string } }
  return answer.error?.code ?? `http_${response.status}`
}
