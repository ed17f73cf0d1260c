import type { Conversation, Draft, Mention, SenderKind } from '@qiatan/live'
import type { ApiClient, RequestOptions } from './client'
import type { Ack, Id, Instant, Page } from './types'

/** A message in which the words were found. */
export interface Hit {
  seq: number
  sender_kind: SenderKind
  snippet: string
  at: Instant
}

/** A conversation that was found: by its customer's name where there are no hits. */
export interface Found {
  conversation: Conversation
  hits: Hit[]
}

export interface MentionItem extends Mention {
  customer_name: string
  read: boolean
}

/** Who may be called by name in a conversation, because they may see it. */
export interface MentionTarget {
  id: Id
  name: string
  avatar_url: string | null
}

function id(value: Id): string {
  return encodeURIComponent(value)
}

/** The calls about what is written: edits, calls by name, drafts, and finding it again. */
export function talkEndpoints(client: ApiClient) {
  const conversation = (of: Id, part: string): string => `/conversations/${id(of)}/${part}`
  return {
    edit: (of: Id, seq: number, body: { client_message_id: Id; text: string }) => client.post<Ack>(conversation(of, `messages/${seq}/edit`), body),
    mentions: (after: string | null = null, options: RequestOptions = {}) =>
      client.get<Page<MentionItem>>('/mentions', { ...options, query: { after, limit: 100 } }),
    mentionTargets: async (of: Id, options?: RequestOptions) =>
      (await client.get<{ items: MentionTarget[] }>(conversation(of, 'mention-targets'), options)).items,
    readMentions: (of: Id) => client.put<null>('/mentions/read', { conversation_id: of }),
    drafts: async (options?: RequestOptions) => (await client.get<{ items: Draft[] }>('/drafts', options)).items,
    keepDraft: (of: Id, body: { text: string; note: boolean; at: Instant }) => client.put<Draft>(conversation(of, 'draft'), body),
    searchConversations: (q: string, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<Found>>('/conversations/search', { ...options, query: { q, after } }),
    /** The same customer's conversations before this one, newest first. */
    earlier: (of: Id, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<Conversation>>(conversation(of, 'earlier'), { ...options, query: { after, limit: 50 } }),
  }
}
