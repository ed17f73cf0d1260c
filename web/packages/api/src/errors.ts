/** One field of a 422 answer. `code` is constant, `message` is for people who read no translation. */
export interface FieldError {
  field: string
  code: string
  message: string
}

interface ApiErrorInit {
  code: string
  message: string
  status: number
  fields?: FieldError[]
  requestId?: string | null
  /** Seconds, from `Retry-After`. */
  retryAfter?: number | null
}

/**
 * What every failed call throws. `code` is one of docs/protocol.md section 1, or one made here:
 * `network` (no answer), `timeout` (no answer in time), `unexpected` (an answer nobody promised).
 */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly fields: readonly FieldError[]
  readonly requestId: string | null
  readonly retryAfter: number | null

  constructor(init: ApiErrorInit) {
    super(init.message)
    this.name = 'ApiError'
    this.code = init.code
    this.status = init.status
    this.fields = init.fields ?? []
    this.requestId = init.requestId ?? null
    this.retryAfter = init.retryAfter ?? null
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, 100).map((item) => {
    const one = record(item)
    return { field: text(one['field']) ?? '', code: text(one['code']) ?? 'invalid', message: text(one['message']) ?? '' }
  })
}

/** Seconds until `Retry-After`, which is a number of seconds or a date; null where it is neither. */
export function retryAfterSeconds(header: string | null, now: number): number | null {
  if (!header) return null
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds))
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000))
}

/** Reads the error body of the protocol; a body of another shape becomes `unexpected`. */
export function apiErrorFrom(status: number, body: unknown, header: (name: string) => string | null): ApiError {
  const error = record(record(body)['error'])
  const code = text(error['code'])
  return new ApiError({
    code: code ?? 'unexpected',
    message: text(error['message']) ?? `HTTP ${status}`,
    status,
    fields: fieldErrors(error['fields']),
    requestId: text(error['request_id']) ?? header('x-request-id'),
    retryAfter: retryAfterSeconds(header('retry-after'), Date.now()),
  })
}
