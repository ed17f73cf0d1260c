import { ApiError, type Id, type ReplyBrief, type ReplyGroup, type ReplyIndex, type ReplyOwner } from '@qiatan/api'
import type { RichDocument } from '@qiatan/live'
import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { useChoices } from '../stores/choices'
import { useSession } from '../stores/session'
import { fromText } from '../ui/editor/document'
import { reportSurprise } from '../ui/report'
import { toastFailed } from '../ui/toasts'
import { ReplySearch } from './search'

const KEPT_DOCUMENTS = 200
const KEPT_RECENT = 200
const MOST_WAIT_MS = 10_000
const WAIT_MS_EACH = 5

/** A group with what is in it, in the order people gave them; `id` null holds what is in none. */
export interface Shelf {
  id: Id | null
  owner: ReplyOwner
  name: string
  entries: ReplyBrief[]
}

/** All quick replies that I may use: fetched when first needed, then kept true by `replies_changed` frames. */
export const useReplies = defineStore('replies', () => {
  const session = useSession()
  const choices = useChoices()
  const groups = shallowRef<readonly ReplyGroup[]>([])
  const entries = shallowRef<readonly ReplyBrief[]>([])
  const loaded = shallowRef(false)
  const loading = shallowRef(false)
  const error = shallowRef<unknown>(null)
  const used = useLocalStorage<Record<Id, number>>('qiatan.replies.used', {})
  /** What was just chosen, until the server has it: a reply that is pressed meanwhile must not go out. */
  const chosen = shallowRef<boolean | null>(null)
  /** Enter and click put a reply into the input instead of sending it. */
  const inserts = computed({
    get: () => chosen.value ?? choices.settings.insert_replies,
    set: (now) => void chooseInserts(now),
  })
  let version: string | null = null
  let wanted = false
  let running: Promise<void> | null = null
  let due: ReturnType<typeof setTimeout> | undefined
  let again = false
  /** Orders that are drawn and not yet stored: what the server says meanwhile is older than what is shown. */
  let held = 0
  let turn = 0

  const byId = computed(() => new Map(entries.value.map((one) => [one.id, one])))
  const search = computed(() => new ReplySearch(entries.value))
  const shelves = computed<Shelf[]>(() => shelvesOf(groups.value, entries.value))
  const mayUse = computed(() => session.can('replies.use'))

  /** Fetches what changed; a call while one is on its way asks once more after it. Throws nothing: `error` tells. */
  function load(): Promise<void> {
    wanted = true
    clearTimeout(due)
    due = undefined
    if (running) {
      again = true
      return running
    }
    running = fetchAll().finally(() => {
      running = null
      loading.value = false
      if (again) {
        again = false
        void load()
      }
    })
    return running
  }

  async function fetchAll(): Promise<void> {
    loading.value = true
    error.value = null
    try {
      const mine = turn
      const index = await api.replies(loaded.value ? version : null)
      if (mine !== turn || held > 0) {
        again = held === 0
        return
      }
      if (!index.unchanged) {
        groups.value = index.groups
        entries.value = index.complete === false ? followed(entries.value, index) : index.entries
      }
      version = index.version
      loaded.value = true
    } catch (failure) {
      error.value = failure
      if (!(failure instanceof ApiError)) reportSurprise(failure)
    }
  }

  async function chooseInserts(now: boolean): Promise<void> {
    chosen.value = now
    try {
      await choices.change({ insert_replies: now })
    } catch (failure) {
      toastFailed(failure)
    } finally {
      if (chosen.value === now) chosen.value = null
    }
  }

  function ensure(): void {
    if (mayUse.value && !loading.value && (!loaded.value || due !== undefined)) void load()
  }

  /** Draws another order at once and stores it; where that fails, the old one is back. Throws `ApiError`. */
  async function reorder(next: { groups?: readonly ReplyGroup[]; entries?: readonly ReplyBrief[] }, save: () => Promise<unknown>): Promise<void> {
    const before = { groups: groups.value, entries: entries.value }
    held += 1
    turn += 1
    groups.value = next.groups ?? groups.value
    entries.value = next.entries ?? entries.value
    try {
      await save()
    } catch (failure) {
      groups.value = before.groups
      entries.value = before.entries
      throw failure
    } finally {
      held -= 1
      void load()
    }
  }

  const documents = new Map<string, RichDocument>()
  /** The form of an entry: a plain one's is made here, a rich one's is fetched once for each version. Throws `ApiError`. */
  async function documentOf(reply: ReplyBrief): Promise<RichDocument> {
    if (reply.kind === 'plain') return fromText(reply.text)
    const key = `${reply.id}@${reply.version}`
    const known = documents.get(key)
    if (known) return known
    const found = await api.reply(reply.id)
    const document = found.document ?? fromText(found.text)
    documents.set(`${found.id}@${found.version}`, document)
    for (const oldest of documents.keys()) {
      if (documents.size <= KEPT_DOCUMENTS) break
      documents.delete(oldest)
    }
    return document
  }

  /** Notes that it was used: here that alone changes the order at once (and no index is made anew); the counts come with the next list. */
  function noteUse(reply: ReplyBrief): void {
    const recent = Object.entries({ ...used.value, [reply.id]: Date.now() }).sort(([, a], [, b]) => b - a)
    used.value = Object.fromEntries(recent.slice(0, KEPT_RECENT))
    api.replyUsed(reply.id).catch(reportSurprise)
  }

  function clear(): void {
    groups.value = []
    entries.value = []
    loaded.value = false
    error.value = null
    version = null
    documents.clear()
  }

  /**
   * What is everybody's was changed for everybody at once: so that not all pages ask in the same moment, this one waits up to ten
   * seconds, the longer the more there is to fetch; further changes meanwhile are fetched with it. Who opens the replies waits for nothing.
   */
  function loadSoon(): void {
    due ??= setTimeout(() => {
      due = undefined
      if (wanted && mayUse.value) void load()
    }, Math.random() * Math.min(MOST_WAIT_MS, WAIT_MS_EACH * entries.value.length))
  }

  onFrame('replies_changed', ({ owner }) => {
    if (!wanted || !mayUse.value) return
    if (owner === 'enterprise') loadSoon()
    else void load()
  })
  onReconnect(() => { if (wanted && mayUse.value) void load() })
  watch(() => session.agent?.id, () => {
    wanted = false
    clear()
  })

  return {
    groups, entries, loaded, loading, error, inserts, byId, search, shelves, mayUse, load, ensure, reorder, documentOf, noteUse,
    lastUsed: (id: Id): number => used.value[id] ?? 0,
  }
})

/** What there is after an answer that tells of changes only. */
function followed(known: readonly ReplyBrief[], { entries, ids }: ReplyIndex): ReplyBrief[] {
  const all = new Map([...known, ...entries].map((one) => [one.id, one]))
  return ids ? ids.flatMap((id) => all.get(id) ?? []) : [...all.values()]
}

const OWNERS: readonly ReplyOwner[] = ['enterprise', 'own']

function shelvesOf(groups: readonly ReplyGroup[], entries: readonly ReplyBrief[]): Shelf[] {
  const inGroup = new Map<string, ReplyBrief[]>()
  for (const entry of entries) {
    const key = `${entry.owner}/${entry.group_id ?? ''}`
    const list = inGroup.get(key)
    if (list) list.push(entry)
    else inGroup.set(key, [entry])
  }
  const read = (owner: ReplyOwner, id: Id | null): ReplyBrief[] => (inGroup.get(`${owner}/${id ?? ''}`) ?? []).sort((a, b) => a.position - b.position)
  return OWNERS.flatMap((owner) => [
    ...groups.filter((one) => one.owner === owner).sort((a, b) => a.position - b.position)
      .map((one): Shelf => ({ id: one.id, owner, name: one.name, entries: read(owner, one.id) })),
    { id: null, owner, name: '', entries: read(owner, null) },
  ])
}
