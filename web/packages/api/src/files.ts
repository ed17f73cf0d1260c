import type { ApiClient, RequestOptions } from './client'
import type { Schemas } from './schemas'
import type { Id } from './types'

export type FileLink = Schemas['FileLink']

/** Files of conversations, by addresses that a browser can fetch by itself. */
export function fileEndpoints(client: ApiClient) {
  return {
    /** An address that lapses after 15 minutes; `download`: to be saved, never shown. */
    fileLink: (conversation: Id, file: Id, download: boolean, options: RequestOptions = {}) =>
      client.get<FileLink>(`/conversations/${encodeURIComponent(conversation)}/files/${encodeURIComponent(file)}/link`, { ...options, query: { download } }),
  }
}
