import type { Me, Point } from '@qiatan/api'
import { ApiError } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api, dropEarly, onRefused, onSignedOut, useCsrfToken } from '../api'
import { live, onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { forgetView, view, viewOver } from '../view'
import { change, type RightsChange } from './rights'

/** Who is signed in on this page, and what they may do. The server decides; this only remembers its answer. */
export const useSession = defineStore('session', () => {
  const me = shallowRef<Me | null>(null)
  /** True once after the server ended a session this page believed in: the sign-in page says so. */
  const wasSignedOut = shallowRef(false)
  /** What the account lost while this page was open: a page that closes for it says so. */
  const lost = shallowRef<ReadonlySet<string>>(new Set())
  /** The last change of what the account may do, for whoever tells it. */
  const rightsChange = shallowRef<RightsChange | null>(null)
  let asked: Promise<Me | null> | null = null
  let question = 0
  let former: string | null = null

  const agent = computed(() => me.value?.agent ?? null)
  const enterprise = computed(() => me.value?.enterprise ?? null)
  const points = computed(() => new Set(me.value?.points ?? []))
  /** Who looks at the product as the agent shown, and until when; null where this is the own account. */
  const viewer = computed(() => me.value?.viewer ?? null)
  /** Whoever looks as a colleague changes nothing. */
  const readOnly = computed(() => viewer.value !== null)
  /** The role asks for a second factor that the account lacks: nothing else can be done before. */
  const mustEnrol = computed(() => me.value?.must_enrol ?? false)

  function can(point: Point): boolean {
    return points.value.has(point)
  }

  /** Takes what a sign-in, or any other call that answers with `Me`, returned. An answer older than the known one is ignored. */
  function accept(next: Me): void {
    const known = me.value
    const samePerson = known?.agent.id === next.agent.id
    if (known && samePerson && next.agent.version < known.agent.version) return
    if (known && samePerson) follow(change(known, next))
    else lost.value = new Set()
    useCsrfToken(next.csrf_token)
    me.value = next
    wasSignedOut.value = false
    // The socket is closed to whoever must add a second factor first.
    if (next.must_enrol) live.stop()
    else if (!samePerson || known?.must_enrol) {
      live.stop()
      live.start()
    }
  }

  /** Whether this page showed another account before: then it is loaded anew, and nothing of that one is left in it. */
  function followsAnother(): boolean {
    return former !== null && former !== me.value?.agent.id
  }

  function follow(changed: RightsChange | null): void {
    if (changed === null) return
    lost.value = new Set([...lost.value, ...changed.lost].filter((point) => !changed.gained.includes(point)))
    rightsChange.value = changed
  }

  function forget(): void {
    live.stop()
    dropEarly()
    useCsrfToken(null)
    forgetView()
    former = me.value?.agent.id ?? former
    me.value = null
    lost.value = new Set()
    rightsChange.value = null
    asked = null
    question += 1
  }

  /** Asks the server who is signed in, once. Null: nobody. Throws where the server could not be asked. */
  async function load(): Promise<Me | null> {
    if (me.value) return me.value
    asked ??= api.me().then(
      (answer) => {
        if (answer.must_enrol) dropEarly()
        accept(answer)
        return answer
      },
      (error: unknown) => {
        asked = null
        dropEarly()
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      },
    )
    return asked
  }

  /** Asks again who is signed in and what they may do; of several questions on their way, the last one counts. */
  async function refresh(): Promise<void> {
    const mine = ++question
    const answer = await api.me()
    if (mine === question) accept(answer)
  }

  /** Ends the session at the server first: a page that says "signed out" must be right. */
  async function signOut(): Promise<void> {
    try {
      await api.signOut()
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
    }
    forget()
  }

  function askAgain(): void {
    if (!me.value) return
    // The next frame or reconnect asks again; until then the page shows what it knew.
    refresh().catch(reportSurprise)
  }

  onSignedOut(() => {
    forgetView()
    if (!me.value) return
    forget()
    wasSignedOut.value = true
  })
  onRefused((error) => {
    if (error.code === 'view_ended') viewOver()
    if (error.code === 'two_factor_required' && !mustEnrol.value) askAgain()
  })
  watch(() => view.ended.value, (over) => { if (over) live.stop() })
  onFrame('changed', (frame) => {
    if (!me.value) return
    const mine = frame.object === 'me' || (frame.object === 'agent' && frame.id === me.value.agent.id && frame.version > me.value.agent.version)
    const house = frame.object === 'enterprise' && frame.version > me.value.enterprise.version
    // What a role holds may change without the account itself changing.
    const role = frame.object === 'role' && frame.id === me.value.agent.role.id
    if (mine || house || role) askAgain()
  })
  onReconnect(askAgain)
  // The server ended the connection for good: ask whether the session is over too; if so, the answer signs this page out.
  watch(live.endedBy, (code) => { if (code !== null) askAgain() })

  return { me, agent, enterprise, points, viewer, readOnly, mustEnrol, wasSignedOut, lost, rightsChange, can, accept, followsAnother, load, refresh, signOut, forget }
})
