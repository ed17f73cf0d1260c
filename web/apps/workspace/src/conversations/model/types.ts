import type { Conversation, Id, Instant } from '@qiatan/api'

/** Where the visitor is and what with, as `GET /conversations/{id}/context` tells it. */
export interface Visit {
  page_url: string | null
  page_title: string | null
  referrer: string | null
  browser: string | null
  os: string | null
  device: string | null
  language: string | null
  screen: string | null
  timezone: string | null
  address: string | null
  started_at: Instant
  last_seen_at: Instant
}

export interface ConversationContext {
  customer: { id: Id; name: string; created_at: Instant }
  visit: Visit | null
  /** The same customer's earlier conversations, newest first. */
  earlier: Conversation[]
}
