import { ApiClient, endpoints } from '@qiatan/api'

let csrf: string | null = null
let signedOut: (() => void) | null = null

/** Every call of the workspace goes through this one client. */
export const api = endpoints(
  new ApiClient({
    csrfToken: () => csrf,
    onSignedOut: () => signedOut?.(),
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
