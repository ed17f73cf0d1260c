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

const ANSWER_WITHIN = 20_000

export async function request(method: string, path: string, token: string | null, body?: unknown): Promise<Response> {
  const abort = new AbortController()
  const patience = setTimeout(() => abort.abort(), ANSWER_WITHIN)
  const headers: Record<string, string> = {}
  if (token) headers.Authorization = `Bearer ${token}`
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  try {
    const init: RequestInit = { method, headers, credentials: 'omit', signal: abort.signal }
    if (body !== undefined) init.body = JSON.stringify(body)
    const response = await fetch(`/api/v1${path}`, init)
    if (response.ok) return response
    throw new ApiError(response.status, await codeOf(response))
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (error instanceof TypeError || error instanceof DOMException) throw new ApiError(0, 'network')
    throw error
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
