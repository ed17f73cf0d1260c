import { ApiError, type Conversation, type CustomerChange, type Id } from '@qiatan/api'
import type { Visit } from '@qiatan/live'
import { shallowRef } from 'vue'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { reportSurprise } from '../../ui/report'
import { walked } from '../model/track'
import type { ConversationContext } from '../model/types'
import { useDirectory } from './directory'
import type { Screen } from './screen'

/** What stood beside so many conversations looked at lately is kept. */
const KEPT = 20

/** A server of the version before, beside this one during an upgrade, tells of no pages. */
type Told = Omit<ConversationContext, 'pages'> & Partial<Pick<ConversationContext, 'pages'>>

export type Beside = ReturnType<typeof useBeside>

/** What stands beside the conversation on the screen: who the customer is, where they are, and their earlier conversations. */
export function useBeside(screen: Screen) {
  const session = useSession()
  const directory = useDirectory()
  const context = shallowRef<ConversationContext | null>(null)
  const contextError = shallowRef<ApiError | null>(null)
  /** What is asked for at the moment, and for which turn. */
  let asking: { turn: number; run: Promise<void> } | null = null

  /** As it was when it was last known, by agent and conversation: shown until the server has said how it is now. */
  const kept = new Map<string, ConversationContext>()
  const keyOf = (of: Id): string => `${session.agent?.id ?? ''} ${of}`

  function keep(of: Id, found: ConversationContext): void {
    kept.delete(keyOf(of))
    kept.set(keyOf(of), found)
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break
      kept.delete(oldest)
    }
  }

  /** What was shown before, where nothing has changed since: the same is not drawn again. */
  function asKept(of: Id, found: ConversationContext): ConversationContext {
    const before = kept.get(keyOf(of))
    return before && JSON.stringify(before) === JSON.stringify(found) ? before : found
  }

  /** An answer that was on its way while something was saved does not take it back. */
  function newest(found: ConversationContext): ConversationContext {
    const shown = context.value?.customer
    return shown?.id === found.customer.id && shown.version > found.customer.version ? { ...found, customer: shown } : found
  }

  function loadContext(): Promise<void> {
    const of = screen.id.value
    if (of !== null && context.value === null) context.value = kept.get(keyOf(of)) ?? null
    const run = fetchContext()
    asking = { turn: screen.turn, run }
    return run
  }

  /** Waits until what stands beside the conversation is known. Throws `ApiError`. */
  async function needContext(): Promise<void> {
    if (!context.value) await (asking?.turn === screen.turn && contextError.value === null ? asking.run : loadContext())
    if (contextError.value) throw contextError.value
  }

  async function fetchContext(): Promise<void> {
    const of = screen.id.value
    const mine = screen.turn
    if (of === null) return
    contextError.value = null
    try {
      const told = await api.client.get<Told>(`/conversations/${encodeURIComponent(of)}/context`)
      const found = asKept(of, newest({ ...told, pages: told.pages ?? [] }))
      directory.followCustomer(found.customer)
      keep(of, found)
      if (mine === screen.turn) context.value = found
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      // What is shown stays, with what is being written in it: it is asked for again with the next line, or the next change.
      if (mine === screen.turn && context.value === null) contextError.value = failure
    }
  }

  /**
   * Notes something of the customer: name, mark, tags. `version` is the one the agent saw when the change began. Throws `ApiError`;
   * after `version_conflict` the customer as it is now has been fetched.
   */
  async function changeCustomer(change: CustomerChange): Promise<void> {
    const of = screen.id.value
    const mine = screen.turn
    if (of === null) return
    try {
      const customer = await api.changeCustomer(of, change)
      directory.followCustomer(customer)
      const before = kept.get(keyOf(of))
      if (before) keep(of, { ...before, customer })
      if (mine === screen.turn && context.value) context.value = { ...context.value, customer }
    } catch (failure) {
      if (failure instanceof ApiError && failure.code === 'version_conflict' && mine === screen.turn) await loadContext()
      throw failure
    }
  }

  /** Somebody changed the customer: what is shown of them, and the version that the next change names, is fetched again. */
  function followCustomer(customer: Conversation['customer']): void {
    const shown = context.value?.customer
    if (shown?.id === customer.id && (shown.name !== customer.name || shown.vip !== customer.vip)) void loadContext()
  }

  /** Somebody changed the card of a customer; where it is shown it is fetched again. What failed is seen at the next change. */
  async function refreshCustomer(of: Id): Promise<void> {
    const mine = screen.turn
    if (context.value?.customer.id !== of) return
    try {
      const customer = await api.customer(of)
      if (mine === screen.turn && context.value && customer.version >= context.value.customer.version) context.value = { ...context.value, customer }
    } catch (failure) {
      reportSurprise(failure)
    }
  }

  /** The customer went to another page. An answer that was on its way may be older. */
  function followVisit(visit: Visit): void {
    const shown = context.value
    if (shown?.customer.id !== visit.customer_id || (shown.visit && shown.visit.last_seen_at > visit.last_seen_at)) return
    context.value = { ...shown, visit, pages: walked(shown, visit) }
  }

  /** Grows when somebody wrote, changed or deleted a note on the customer that is shown. */
  const notesRound = shallowRef(0)
  function followNotes(of: Id): void {
    if (context.value?.customer.id === of) notesRound.value += 1
  }

  /** The line was broken: what was told meanwhile of the customer that is shown is asked for. */
  function catchUpCustomer(): void {
    const shown = context.value?.customer.id
    if (shown === undefined) return
    void loadContext()
    followNotes(shown)
  }

  function clear(): void {
    context.value = null
    contextError.value = null
  }

  return {
    context, contextError, loadContext, needContext, changeCustomer, followCustomer, refreshCustomer, followVisit, notesRound, followNotes, catchUpCustomer, clear,
  }
}
