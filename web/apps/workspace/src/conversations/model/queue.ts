import type { Conversation, Id, Routing, RoutingTarget } from '@qiatan/api'

export interface Waiter {
  conversation: Conversation
  routing: Routing | undefined
}

/** Those who wait for one target, by their place. */
export interface Line {
  key: string
  target: RoutingTarget | null
  waiters: Waiter[]
}

export interface Queue {
  lines: Line[]
  /** Left as a message: served when somebody has time. */
  messages: Waiter[]
}

/** Since when somebody waits: since they entered the queue, else since they wrote. */
export function waitingSince({ conversation, routing }: Waiter): string {
  return routing?.entered_at ?? conversation.unanswered_since ?? conversation.created_at
}

/**
 * Waiting conversations as they stand in line: one line for each target, by position; a conversation whose place is not known yet
 * stands at the end of the enterprise's. The line of who waits longest comes first.
 */
export function queueOf(conversations: readonly Conversation[], routings: ReadonlyMap<Id, Routing>): Queue {
  const lines = new Map<string, Line>()
  const messages: Waiter[] = []
  for (const conversation of conversations) {
    const waiter: Waiter = { conversation, routing: routings.get(conversation.id) }
    if (waiter.routing?.state === 'message') {
      messages.push(waiter)
      continue
    }
    const target = waiter.routing?.target ?? null
    const key = target === null || target.kind === 'enterprise' ? 'enterprise' : `${target.kind}-${target.id}`
    const line = lines.get(key)
    if (line) {
      line.waiters.push(waiter)
      line.target ??= target
    } else {
      lines.set(key, { key, target, waiters: [waiter] })
    }
  }
  for (const line of lines.values()) line.waiters.sort(byPlace)
  const ordered = [...lines.values()].sort((a, b) => firstOf(a).localeCompare(firstOf(b)))
  return { lines: ordered, messages: messages.sort((a, b) => a.conversation.created_at.localeCompare(b.conversation.created_at)) }
}

function firstOf(line: Line): string {
  return line.waiters.map(waitingSince).sort()[0] ?? ''
}

function byPlace(a: Waiter, b: Waiter): number {
  const place = (waiter: Waiter): number => waiter.routing?.position ?? Number.MAX_SAFE_INTEGER
  return place(a) - place(b) || waitingSince(a).localeCompare(waitingSince(b)) || a.conversation.id.localeCompare(b.conversation.id)
}
