import { ApiClient, endpoints, type ApiError } from '@qiatan/api'
import { viewToken } from './view'

let csrf: string | null = null
let signedOut: (() => void) | null = null
let refused: ((error: ApiError) => void) | null = null

/** Every call of the workspace goes through this one client. */
export const api = endpoints(
  new ApiClient({
    csrfToken: () => csrf,
    viewToken,
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
