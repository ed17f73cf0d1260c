import { ApiError, type Id, type PointGroup, type Role, type RoleTemplate } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { moduleOrder } from '../ui/access'
import { reportSurprise } from '../ui/report'
import { oneAtATime } from './oneAtATime'
import { useSession } from './session'

const BUILTIN_ORDER = { admin: 0, agent: 1 } as const

/** The enterprise's roles, the points they are made of, and the templates for new ones; kept true by `changed` frames. */
export const useRoles = defineStore('roles', () => {
  const session = useSession()
  const roles = shallowRef<Role[]>([])
  const catalogue = shallowRef<PointGroup[]>([])
  const templates = shallowRef<RoleTemplate[]>([])
  const loaded = shallowRef(false)

  const byName = new Intl.Collator(['zh-CN', 'en'], { numeric: true })
  const builtin = computed(() =>
    roles.value.filter((one) => one.builtin !== null).sort((a, b) => BUILTIN_ORDER[a.builtin ?? 'agent'] - BUILTIN_ORDER[b.builtin ?? 'agent']))
  const custom = computed(() => roles.value.filter((one) => one.builtin === null).sort((a, b) => byName.compare(a.name, b.name)))
  const sorted = computed(() => [...builtin.value, ...custom.value])
  const groups = computed(() => [...catalogue.value].sort((a, b) => moduleOrder(a.name) - moduleOrder(b.name)))
  /** What the reader may hand out: what they hold themselves. */
  const grantable = computed(() => new Set(catalogue.value.flatMap((group) => group.points).filter((one) => one.grantable).map((one) => one.name)))

  function role(id: Id): Role | null {
    return roles.value.find((one) => one.id === id) ?? null
  }

  const everyRole = oneAtATime(async () => { roles.value = await api.roles() })
  const everything = oneAtATime(async () => {
    const [points, starts] = await Promise.all([api.permissions(), api.roleTemplates(), everyRole.anew()])
    catalogue.value = points
    templates.value = starts
    loaded.value = true
  })

  /** Fetches everything as it is from now on. */
  function load(): Promise<void> {
    return everything.anew()
  }

  /** An answer that is on its way may be older than a change, the first one too. */
  function isFollowed(): boolean {
    return loaded.value || everything.isUnderway()
  }

  function accept(item: Role): void {
    const known = role(item.id)
    if (known && known.version > item.version) return
    roles.value = known ? roles.value.map((one) => (one.id === item.id ? item : one)) : [...roles.value, item]
  }

  function drop(id: Id): void {
    roles.value = roles.value.filter((one) => one.id !== id)
  }

  async function fetch(id: Id): Promise<void> {
    try {
      accept(await api.role(id))
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      drop(id)
    }
  }

  onFrame('changed', (frame) => {
    if (!isFollowed() || !session.can('agents.view')) return
    // What the reader holds decides what they may grant, so the catalogue comes along with their own change.
    if (frame.object === 'me') load().catch(reportSurprise)
    // All of them that are on their way may be older than this change, and would overwrite it.
    if (frame.object === 'role') (everyRole.isUnderway() ? everyRole.anew() : fetch(frame.id)).catch(reportSurprise)
    // An account may have got another role: the numbers of members follow.
    if (frame.object === 'agent') everyRole.anew().catch(reportSurprise)
  })
  onReconnect(() => {
    if (isFollowed() && session.can('agents.view')) load().catch(reportSurprise)
  })

  return { roles, builtin, custom, sorted, groups, templates, grantable, loaded, role, load, accept, drop, fetch }
})
