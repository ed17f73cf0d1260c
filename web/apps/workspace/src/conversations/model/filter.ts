import type { Conversation, Id } from '@qiatan/api'

/** What the list is narrowed to. Empty lists narrow nothing. */
export interface Filter {
  unread: boolean
  mentioned: boolean
  channels: readonly Id[]
  tags: readonly Id[]
}

export const NO_FILTER: Filter = { unread: false, mentioned: false, channels: [], tags: [] }

/** How many narrowings are on. */
export function filterCount(filter: Filter): number {
  return Number(filter.unread) + Number(filter.mentioned) + filter.channels.length + filter.tags.length
}

/** Whether a conversation stays. Several channels or tags: one of them is enough; the kinds of narrowing all have to fit. */
export function passes(conversation: Conversation, filter: Filter, mentions: number): boolean {
  if (filter.unread && conversation.agent_unread === 0) return false
  if (filter.mentioned && mentions === 0) return false
  if (filter.channels.length > 0 && !filter.channels.includes(conversation.channel.id)) return false
  return filter.tags.length === 0 || (conversation.tags ?? []).some((tag) => filter.tags.includes(tag.id))
}

export interface Choice {
  id: Id
  name: string
  count: number
}

/** The channels and tags of what is listed, with how often each is there. */
export function choicesOf(conversations: readonly Conversation[]): { channels: Choice[]; tags: (Choice & { color: string })[] } {
  const channels = new Map<Id, Choice>()
  const tags = new Map<Id, Choice & { color: string }>()
  for (const { channel, tags: own } of conversations) {
    const known = channels.get(channel.id)
    channels.set(channel.id, { id: channel.id, name: channel.name, count: (known?.count ?? 0) + 1 })
    for (const tag of own ?? []) tags.set(tag.id, { ...tag, count: (tags.get(tag.id)?.count ?? 0) + 1 })
  }
  const byName = (a: Choice, b: Choice): number => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)
  return { channels: [...channels.values()].sort(byName), tags: [...tags.values()].sort(byName) }
}
