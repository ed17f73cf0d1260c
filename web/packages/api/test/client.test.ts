import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiClient, ApiError, endpoints, retryAfterSeconds, type EarlyAnswer } from '../src'

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers })

let fetched: ReturnType<typeof vi.fn<typeof fetch>>
beforeEach(() => {
  fetched = vi.fn<typeof fetch>()
  vi.stubGlobal('fetch', fetched)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const client = (onSignedOut?: () => void): ApiClient => new ApiClient({ csrfToken: () => 'token', ...(onSignedOut ? { onSignedOut } : {}) })
const headersOf = (call: number): Headers => new Headers(fetched.mock.calls[call]?.[1]?.headers)

describe('the client', () => {
  it('sends the CSRF token with changes and not with reads', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, {})))
    await client().get('/me')
    await client().patch('/me', { name: 'a' })
    expect(headersOf(0).get('X-Qiatan-Csrf')).toBe(null)
    expect(headersOf(1).get('X-Qiatan-Csrf')).toBe('token')
  })

  it('names something new that nobody heard of by the same key when it is asked for again, and by another one otherwise', async () => {
    const asked = client()
    const note = (text: string): Promise<unknown> => asked.create('/customers/1/notes', { text }).catch(() => null)
    const keys = (): (string | null)[] => fetched.mock.calls.map((_, call) => headersOf(call).get('Idempotency-Key'))

    // given a line that breaks, a proxy that gives up, and a server that is away, one after the other
    fetched.mockRejectedValueOnce(new TypeError('no line')).mockResolvedValueOnce(answer(504, null)).mockResolvedValueOnce(answer(503, { error: { code: 'try_again' } }))
    for (let tries = 0; tries < 3; tries += 1) await note('call him')
    // when it is answered at last
    fetched.mockImplementation(() => Promise.resolve(answer(201, {})))
    await note('call him')
    // then all four were one, and the same words later are another
    await note('call him')
    await note('call her')
    const [first, ...others] = keys()
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(others.slice(0, 3)).toEqual([first, first, first])
    expect(new Set(keys()).size).toBe(3)

    // and a refusal settles it too, and ten minutes make it another wish
    fetched.mockClear()
    fetched.mockResolvedValueOnce(answer(422, { error: { code: 'invalid' } })).mockRejectedValueOnce(new TypeError('no line'))
    await note('a')
    await note('a')
    vi.advanceTimersByTime(10 * 60_000)
    await note('a')
    expect(new Set(keys()).size).toBe(3)
  })

  it('sends no key with what changes a state: the same may be wanted again', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, {})))
    await client().get('/me')
    await client().patch('/me', {})
    await client().put('/me', {})
    await client().delete('/me')
    await client().post('/conversations/1/join')
    expect([0, 1, 2, 3, 4].map((call) => headersOf(call).get('Idempotency-Key'))).toEqual([null, null, null, null, null])
  })

  it('sends 1 as token where nobody is signed in', async () => {
    fetched.mockResolvedValue(answer(200, {}))
    await new ApiClient({ csrfToken: () => null }).post('/session', {})
    expect(headersOf(0).get('X-Qiatan-Csrf')).toBe('1')
  })

  it('names whom it looks as with every call while that is so, and with none otherwise', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, {})))
    let token: string | null = 'ticket'
    const looking = new ApiClient({ csrfToken: () => 'token', viewToken: () => token })
    await looking.get('/me')
    await looking.post('/x')
    token = null
    await looking.get('/me')
    expect([0, 1, 2].map((call) => headersOf(call).get('X-Qiatan-View-As'))).toEqual(['ticket', 'ticket', null])
  })

  it('takes an answer that was asked for before, once, and never for a change or for whoever looks as a colleague', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, { from: 'now' })))
    const known = new Map<string, Promise<EarlyAnswer | null>>([
      ['/api/v1/me', Promise.resolve({ response: answer(200, null), text: '{"from":"before"}' })],
      ['/api/v1/lost', Promise.resolve({ response: answer(404, null), text: '{"error":{"code":"not_found","message":"m"}}' })],
      ['/api/v1/gone', Promise.resolve(null)],
    ])
    let token: string | null = 'ticket'
    const early = (url: string): Promise<EarlyAnswer | null> | null => {
      const found = known.get(url) ?? null
      known.delete(url)
      return found
    }
    const quick = new ApiClient({ csrfToken: () => 'token', viewToken: () => token, early })
    expect(await quick.get('/me')).toEqual({ from: 'now' })
    token = null
    expect(await quick.post('/me')).toEqual({ from: 'now' })
    expect(await quick.get('/me')).toEqual({ from: 'before' })
    expect(await quick.get('/me')).toEqual({ from: 'now' })
    await expect(quick.get('/lost')).rejects.toMatchObject({ status: 404, code: 'not_found' })
    expect(await quick.get('/gone')).toEqual({ from: 'now' })
    expect(fetched).toHaveBeenCalledTimes(4)
  })

  it('shows each refusal to whoever looks at them, but not the end of the session, which is told apart', async () => {
    const refused: string[] = []
    const signedOut = vi.fn()
    const watched = new ApiClient({ csrfToken: () => null, onSignedOut: signedOut, onRefused: ({ code }) => refused.push(code) })
    fetched.mockResolvedValueOnce(answer(403, { error: { code: 'two_factor_required', message: 'm' } }))
    fetched.mockResolvedValueOnce(answer(401, { error: { code: 'not_signed_in', message: 'm' } }))
    await expect(watched.post('/x')).rejects.toMatchObject({ code: 'two_factor_required' })
    await expect(watched.post('/x')).rejects.toMatchObject({ code: 'not_signed_in' })
    expect(refused).toEqual(['two_factor_required'])
    expect(signedOut).toHaveBeenCalledTimes(1)
  })

  it('sends a body with a deletion that has one', async () => {
    fetched.mockResolvedValue(answer(204, null))
    await client().delete('/me/totp', { password: 'p' })
    expect(fetched.mock.calls[0]?.[1]?.body).toBe('{"password":"p"}')
  })

  it('reads the error body: code, fields, request number, time to wait', async () => {
    const body = { error: { code: 'invalid_input', message: 'm', fields: [{ field: 'name', code: 'too_long', message: 'x' }], request_id: 'r1' } }
    fetched.mockResolvedValue(answer(422, body, { 'Retry-After': '7' }))
    const error = await client().post('/x').catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 'invalid_input', status: 422, requestId: 'r1', retryAfter: 7, fields: [{ field: 'name', code: 'too_long', message: 'x' }] })
  })

  it('calls an answer of another shape unexpected', async () => {
    fetched.mockResolvedValue(new Response('<html>', { status: 500 }))
    await expect(client().post('/x')).rejects.toMatchObject({ code: 'unexpected', status: 500 })
  })

  it('tries a read again when the line breaks, and gives up after the third time', async () => {
    fetched.mockRejectedValue(new TypeError('broken'))
    const call = expect(client().get('/me')).rejects.toMatchObject({ code: 'network' })
    await vi.runAllTimersAsync()
    await call
    expect(fetched).toHaveBeenCalledTimes(3)
  })

  it('waits longer where the answer takes another server, which can be asked once only', async () => {
    const waits = vi.spyOn(AbortSignal, 'timeout')
    fetched.mockImplementation(() => Promise.resolve(answer(200, {})))
    const api = endpoints(client())
    await api.signIn({ email: 'e', password: 'p' })
    await api.finishOidc({ enterprise_id: '1', state: 's', code: 'c', iss: null })
    expect(waits.mock.calls).toEqual([[15_000], [30_000]])
    waits.mockRestore()
  })

  it('never repeats a change', async () => {
    fetched.mockRejectedValue(new TypeError('broken'))
    await expect(client().post('/x')).rejects.toMatchObject({ code: 'network' })
    expect(fetched).toHaveBeenCalledTimes(1)
  })

  it('does not repeat a read that was refused', async () => {
    fetched.mockResolvedValue(answer(403, { error: { code: 'not_allowed', message: '', request_id: 'r' } }))
    await expect(client().get('/agents')).rejects.toMatchObject({ code: 'not_allowed' })
    expect(fetched).toHaveBeenCalledTimes(1)
  })

  it('says when the session is over, but not for a wrong password', async () => {
    const over = vi.fn()
    fetched.mockResolvedValueOnce(answer(401, { error: { code: 'wrong_credentials', message: '', request_id: 'r' } }))
    await expect(client(over).post('/session')).rejects.toMatchObject({ code: 'wrong_credentials' })
    expect(over).not.toHaveBeenCalled()
    fetched.mockResolvedValueOnce(answer(401, { error: { code: 'not_signed_in', message: '', request_id: 'r' } }))
    await expect(client(over).get('/me')).rejects.toMatchObject({ code: 'not_signed_in' })
    expect(over).toHaveBeenCalledOnce()
  })

  it('leaves out of the address what is not asked for', async () => {
    fetched.mockResolvedValue(answer(200, { items: [], next: null }))
    await client().get('/agents', { query: { after: null, limit: 100, name: 'a b' } })
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/agents?limit=100&name=a+b')
  })

  it('fetches a file with the name the server gave it', async () => {
    const named = { 'Content-Disposition': "attachment; filename*=UTF-8''%E7%99%BB%E5%BD%95%20log.csv" }
    fetched.mockResolvedValue(new Response('a,b', { status: 200, headers: named }))
    const file = await client().download('/audit/export', { query: { action: 'role' } })
    expect([file.name, await file.blob.text()]).toEqual(['登录 log.csv', 'a,b'])
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/audit/export?action=role')
  })

  it('tells a refused file like any other refusal', async () => {
    fetched.mockResolvedValue(answer(429, { error: { code: 'too_many', message: '', request_id: 'r' } }, { 'Retry-After': '7' }))
    await expect(client().download('/audit/export')).rejects.toMatchObject({ code: 'too_many', retryAfter: 7 })
  })
})

describe('Retry-After', () => {
  it('is read as seconds or as a date', () => {
    expect(retryAfterSeconds('12', 0)).toBe(12)
    expect(retryAfterSeconds('Thu, 01 Jan 1970 00:00:30 GMT', 10_000)).toBe(20)
    expect(retryAfterSeconds('soon', 0)).toBe(null)
    expect(retryAfterSeconds(null, 0)).toBe(null)
  })
})
