import { ApiError } from '@qiatan/api'

const SIGNED_OUT = 401
/** What the page tells by itself, when it asks anew what the account may do: a right can go while a question is on its way. */
const TOLD = new Set(['view_ended', 'two_factor_required', 'not_allowed'])

/**
 * Reports what failed in the background, where nobody waits for the answer. An ended session and a lost connection are left out:
 * the page tells both by itself (the sign-in page, the connection bar) and asks again after them.
 */
export function reportSurprise(error: unknown): void {
  if (error instanceof ApiError && (error.status === SIGNED_OUT || error.status === 0 || TOLD.has(error.code))) return
  reportError(error)
}

/** The session may end while any question is on its way, also one that nobody waits for: the sign-in page tells it, so it is no fault. */
export function expectSessionEnds(): void {
  window.addEventListener('unhandledrejection', (event) => {
    if (event.reason instanceof ApiError && event.reason.status === SIGNED_OUT) event.preventDefault()
  })
}
