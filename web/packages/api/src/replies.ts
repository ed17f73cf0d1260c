import type { RichDocument } from '@qiatan/live'
import type { ApiClient, Download, RequestOptions, UploadOptions } from './client'
import type { Id, Instant, Locale } from './types'

export type ReplyOwner = 'enterprise' | 'own'
export type ReplyKind = 'plain' | 'rich'

export interface ReplyGroup {
  id: Id
  owner: ReplyOwner
  name: string
  position: number
  version: number
}

/** A quick reply as the index names it. */
export interface ReplyBrief {
  id: Id
  owner: ReplyOwner
  group_id: Id | null
  position: number
  title: string
  text: string
  kind: ReplyKind
  /** Syllables of the title with blanks between; and their first letters. */
  pinyin: string
  initials: string
  /** How often I used it, when last, and how often everybody did. */
  uses: number
  used_at: Instant | null
  all_uses: number
  version: number
}

export interface Reply extends ReplyBrief {
  /** There when it is rich; a plain one is its text. */
  document: RichDocument | null
  updated_at: Instant
  updated_by: Id | null
}

/**
 * All that I may use. `unchanged`: as it was at the version that was named, and both lists are empty. Not `complete`: `entries` holds what is new or other
 * since that version, `ids` all there are (null: none was removed). A server of an earlier release says neither, and tells everything.
 */
export interface ReplyIndex {
  version: string
  unchanged: boolean
  complete?: boolean
  groups: ReplyGroup[]
  entries: ReplyBrief[]
  ids?: Id[] | null
}

export interface ReplyBody {
  owner: ReplyOwner
  group_id: Id | null
  title: string
  document: RichDocument
}

export interface ReplyImportProblem {
  /** As spreadsheets count, the line of headings being 1. */
  row: number
  column: 'group' | 'title' | 'content' | null
  code: string
  message: string
}

export interface ReplyImport {
  dry_run: boolean
  rows: number
  added: number
  /** There already, word for word, or twice in the file. */
  skipped: number
  refused: number
  new_groups: string[]
  /** The first of them. */
  problems: ReplyImportProblem[]
}

export interface ReplyPicture {
  id: Id
  width: number
  height: number
}

function path(of: Id): string {
  return `/replies/${encodeURIComponent(of)}`
}

/** The calls about quick replies. */
export function replyEndpoints(client: ApiClient) {
  const group = (of: Id): string => `/reply-groups/${encodeURIComponent(of)}`
  return {
    replies: (since_version: string | null, options: RequestOptions = {}) =>
      client.get<ReplyIndex>('/replies', { ...options, query: { since_version, changes: since_version === null ? null : 1 } }),
    reply: (of: Id, options?: RequestOptions) => client.get<Reply>(path(of), options),
    createReply: (body: ReplyBody) => client.create<Reply>('/replies', body),
    changeReply: (of: Id, body: Partial<Omit<ReplyBody, 'owner'>> & { version: number }) => client.patch<Reply>(path(of), body),
    deleteReply: (of: Id) => client.delete<null>(path(of)),
    replyUsed: (of: Id) => client.post<null>(`${path(of)}/used`),
    orderReplies: (body: { owner: ReplyOwner; group_id: Id | null; ids: Id[] }) => client.put<null>('/replies/order', body),

    createReplyGroup: (body: { owner: ReplyOwner; name: string }) => client.create<ReplyGroup>('/reply-groups', body),
    changeReplyGroup: (of: Id, body: { name: string; version: number }) => client.patch<ReplyGroup>(group(of), body),
    deleteReplyGroup: (of: Id) => client.delete<null>(group(of)),
    orderReplyGroups: (body: { owner: ReplyOwner; ids: Id[] }) => client.put<null>('/reply-groups/order', body),

    uploadReplyPicture: (file: Blob, name: string, options?: UploadOptions) => client.upload<ReplyPicture>('POST', '/reply-pictures', file, name, options),
    replyTemplate: (locale: Locale): Promise<Download> => client.download('/replies/template.xlsx', { query: { locale } }),
    /** The plain entries of one owner. */
    exportReplies: (owner: ReplyOwner, locale: Locale): Promise<Download> => client.download('/replies/export.xlsx', { query: { owner, locale } }),
    importReplies: (owner: ReplyOwner, file: Blob, name: string, dry_run: boolean) =>
      client.upload<ReplyImport>('POST', `/replies/import?owner=${owner}&dry_run=${dry_run}`, file, name),
  }
}
