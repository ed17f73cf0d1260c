import type { Me, Point } from '@qiatan/api'
import { ApiError } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api, onSignedOut, useCsrfToken } from '../api'
import { live, onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'

/** Who is signed in on this page, and what they may do. The server decides; this only remembers its answer. */
export const useSession = defineStore('session', () => {
  const me = shallowRef<Me | null>(null)
  /** True once after the server ended a session this page believed in: the sign-in page says so. */
  const wasSignedOut = shallowRef(false)
  let asked: Promise<Me | null> | null = null

  const agent = computed(() => me.value?.agent ?? null)
  const enterprise = computed(() => me.value?.enterprise ?? null)
  const points = computed(() => new Set(me.value?.points ?? []))

  function can(point: Point): boolean {
    return points.value.has(point)
  }

  /** Takes what a sign-in, or any other call that answers with `Me`, returned. An answer older than the known one is ignored. */
  function accept(next: Me): void {
    const known = me.value
    const samePerson = known?.agent.id === next.agent.id
    if (known && samePerson && next.agent.version < known.agent.version) return
    useCsrfToken(next.csrf_token)
    me.value = next
    wasSignedOut.value = false
    if (!samePerson) {
      live.stop()
      live.start()
    }
  }

  function forget(): void {
    live.stop()
    useCsrfToken(null)
    me.value = null
    asked = null
  }

  /** Asks the server who is signed in, once. Null: nobody. Throws where the server could not be asked. */
  async function load(): Promise<Me | null> {
    if (me.value) return me.value
    asked ??= api.me().then(
      (answer) => {
        accept(answer)
        return answer
      },
      (error: unknown) => {
        asked = null
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      },
    )
    return asked
  }

  async function refresh(): Promise<void> {
    accept(await api.me())
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

  function follow(): void {
    if (!me.value) return
    // The next frame or reconnect asks again; until then the page shows what it knew.
    refresh().catch(reportSurprise)
  }

  onSignedOut(() => {
    if (!me.value) return
    forget()
    wasSignedOut.value = true
  })
  onFrame('changed', (frame) => {
    if (!me.value) return
    const mine = frame.object === 'me' || (frame.object === 'agent' && frame.id === me.value.agent.id && frame.version > me.value.agent.version)
    const house = frame.object === 'enterprise' && frame.version > me.value.enterprise.version
    if (mine || house) follow()
  })
  onReconnect(follow)
  // The server ended the connection for good: ask whether the session is over too; if so, the answer signs this page out.
  watch(live.endedBy, (code) => { if (code !== null) follow() })

  return { me, agent, enterprise, points, wasSignedOut, can, accept, load, refresh, signOut, forget }
})
