import { ApiClient, endpoints, type ApiError, type EarlyAnswer } from '@qiatan/api'
import { viewToken } from './view'

let csrf: string | null = null
let signedOut: (() => void) | null = null
let refused: ((error: ApiError) => void) | null = null

/** Answers that are older than this, counted from the page's start, are asked for anew. */
const EARLY_MS = 10_000
let early = typeof window.qiatanEarly === 'undefined' ? null : window.qiatanEarly

/** What the page's first script (public/boot-2.js) asked for before this code was here. Each answer serves once. */
function takeEarly(url: string): Promise<EarlyAnswer | null> | null {
  if (performance.now() > EARLY_MS) early = null
  const answer = early?.get(url) ?? null
  early?.delete(url)
  return answer
}

/** Only the session store calls this: those answers were for somebody who is not the one who sits here now, or for nobody. */
export function dropEarly(): void {
  early = null
}

/** Every call of the workspace goes through this one client. */
export const api = endpoints(
  new ApiClient({
    csrfToken: () => csrf,
    viewToken,
    early: takeEarly,
    onSignedOut: () => signedOut?.(),
    onRefused: (error) => refused?.(error),
  }),
)

/** Only the session store calls this: the token of `GET /me`, null where nobody is signed in. */
export function useCsrfToken(token: string | null): void {
  csrf = token
}

export function csrfToken(): string | null {
  return csrf
}

/** Only the session store calls this: what happens when any call is answered with `not_signed_in`. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener
}

/** Only the session store calls this: what happens when any call is refused for another reason. */
export function onRefused(listener: (error: ApiError) => void): void {
  refused = listener
}
