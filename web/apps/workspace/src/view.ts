import { readonly, shallowRef } from 'vue'

/**
 * Looking at the product as a colleague. The permission comes in the address (`#view=…`, in a tab of its own), stays in this tab only,
 * and goes with every call and with the socket's hello. While it is there, nothing can be written from this tab.
 */
const KEY = 'qiatan.view'

/** Taken out of the address at once, so that it is in no history and no screenshot. */
function fromAddress(): string | null {
  const given = new URLSearchParams(window.location.hash.slice(1)).get('view')
  if (given === null) return null
  window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search)
  if (given === '') return null
  window.sessionStorage.setItem(KEY, given)
  return given
}

let token = fromAddress() ?? window.sessionStorage.getItem(KEY)
const active = shallowRef(token !== null)
const ended = shallowRef(false)

export const view = {
  /** Whether this tab shows what a colleague sees. */
  active: readonly(active),
  /** True once the view is over while its page was open; nothing may be shown of it any more. */
  ended: readonly(ended),
}

/** What the calls carry; null where this tab shows its own account. */
export function viewToken(): string | null {
  return token
}

/** Forgets the permission: the next page of this tab is the own account's. */
export function forgetView(): void {
  token = null
  active.value = false
  window.sessionStorage.removeItem(KEY)
}

/** The server ended the view, or its time ran out. */
export function viewOver(): void {
  if (token === null) return
  forgetView()
  ended.value = true
}
