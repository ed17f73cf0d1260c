import { ApiError } from '@qiatan/api'

const SIGNED_OUT = 401

/**
 * Reports what failed in the background, where nobody waits for the answer. An ended session and a lost connection are left out:
 * the page tells both by itself (the sign-in page, the connection bar) and asks again after them.
 */
export function reportSurprise(error: unknown): void {
  if (error instanceof ApiError && (error.status === SIGNED_OUT || error.status === 0)) return
  reportError(error)
}
