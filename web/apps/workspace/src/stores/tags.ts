import type { Id, Tag, TagCatalogue, TagGroup, TagKind } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { oneAtATime } from './oneAtATime'
import { useSession } from './session'

export interface TagSection {
  /** Null for tags that stand in no group; those come first. */
  group: TagGroup | null
  tags: Tag[]
}

function inOrder<T extends { position: number; name: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => a.position - b.position || a.name.localeCompare(b.name))
}

/** The tags an enterprise has, fetched when something first shows them and then kept true by `changed` frames. */
export const useTags = defineStore('tags', () => {
  const session = useSession()
  const catalogue = shallowRef<TagCatalogue>({ groups: [], tags: [] })
  const loaded = shallowRef(false)
  /** The page that shows how often each tag is used is open. */
  let counted = false

  const byId = computed(() => new Map(catalogue.value.tags.map((one) => [one.id, one])))

  function sections(kind: TagKind): TagSection[] {
    const tags = inOrder(catalogue.value.tags.filter((one) => one.kind === kind))
    const groups = inOrder(catalogue.value.groups.filter((one) => one.kind === kind))
    const known = new Set(groups.map((one) => one.id))
    const loose = tags.filter((one) => one.group_id === null || !known.has(one.group_id))
    return [
      ...(loose.length > 0 ? [{ group: null, tags: loose }] : []),
      ...groups.map((group) => ({ group, tags: tags.filter((one) => one.group_id === group.id) })),
    ]
  }

  function tag(id: Id): Tag | null {
    return byId.value.get(id) ?? null
  }

  const everything = oneAtATime(async () => {
    catalogue.value = await api.tags(counted)
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

  /** From now on the numbers of uses come along, until they are asked for no more. */
  function count(on: boolean): void {
    counted = on
  }

  /** Fetches where nothing is known yet. */
  async function need(): Promise<void> {
    if (!loaded.value) await everything.shared()
  }

  function accept(item: Tag): void {
    const { groups, tags } = catalogue.value
    const known = tags.some((one) => one.id === item.id)
    catalogue.value = { groups, tags: known ? tags.map((one) => (one.id === item.id ? item : one)) : [...tags, item] }
  }

  /** Shows tags in another order among themselves before the server has it. */
  function arrange(ids: readonly Id[]): void {
    const { groups, tags } = catalogue.value
    const places = tags.filter((one) => ids.includes(one.id)).map((one) => one.position).sort((a, b) => a - b)
    catalogue.value = { groups, tags: tags.map((one) => (ids.includes(one.id) ? { ...one, position: places[ids.indexOf(one.id)] ?? one.position } : one)) }
  }

  onFrame('changed', (frame) => {
    if (isFollowed() && frame.object === 'tags') load().catch(reportSurprise)
  })
  onReconnect(() => { if (isFollowed()) load().catch(reportSurprise) })
  watch(() => session.enterprise?.id, (now, before) => {
    if (now === before) return
    catalogue.value = { groups: [], tags: [] }
    loaded.value = false
  })

  return { catalogue, loaded, sections, tag, load, need, count, accept, arrange }
})
