import type { ApiClient, RequestOptions } from './client'
import type { Schemas } from './schemas'
import type { Conversation, Id, Instant, Page } from './types'

export type TagKind = Schemas['TagKind']
export type TagColor = Schemas['TagColor']
export type TagRef = Schemas['TagRef']
export type Tag = Schemas['Tag']
export type TagGroup = Schemas['TagGroup']
export type TagCatalogue = Schemas['TagCatalogue']
export type FieldKind = Schemas['FieldKind']
export type CustomerField = Schemas['CustomerField']
export type BlockedSince = Schemas['BlockedSince']
export type CustomerCard = Schemas['CustomerCard']
export type CustomerChangeEntry = Schemas['CustomerChange']
export type CustomerNote = Schemas['CustomerNote']
export type Block = Schemas['Block']
export type CustomerHit = Schemas['CustomerHit']
export type CustomerPlace = Schemas['CustomerPlace']
export type BlacklistRules = Schemas['BlacklistRules']

export interface BlockBody {
  reason: string
  expires_at: Instant | null
}

function id(value: Id): string {
  return encodeURIComponent(value)
}

/** Who is talked to: the card's fields, tags, notes and past, and the blacklist. */
export function customerEndpoints(client: ApiClient) {
  return {
    /** With `uses`: on how many things each tag hangs, which costs the server a count. */
    tags: (uses = false, options: RequestOptions = {}) => client.get<TagCatalogue>('/tags', { ...options, query: { uses: uses ? true : null } }),
    createTag: (body: { kind: TagKind; name: string; color: TagColor; group_id: Id | null }) => client.create<Tag>('/tags', body),
    changeTag: (tag: Id, body: { name?: string; color?: TagColor; group_id?: Id | null; version: number }) => client.patch<Tag>(`/tags/${id(tag)}`, body),
    deleteTag: (tag: Id) => client.delete<null>(`/tags/${id(tag)}`),
    orderTags: (body: { kind: TagKind; ids: Id[] }) => client.put<null>('/tags/order', body),
    createTagGroup: (body: { kind: TagKind; name: string }) => client.create<TagGroup>('/tag-groups', body),
    changeTagGroup: (group: Id, body: { name: string; version: number }) => client.patch<TagGroup>(`/tag-groups/${id(group)}`, body),
    deleteTagGroup: (group: Id) => client.delete<null>(`/tag-groups/${id(group)}`),
    orderTagGroups: (body: { kind: TagKind; ids: Id[] }) => client.put<null>('/tag-groups/order', body),

    customerFields: (options?: RequestOptions) => client.get<{ items: CustomerField[] }>('/customer-fields', options),
    createCustomerField: (body: { name: string; kind: FieldKind; options: string[] }) => client.create<CustomerField>('/customer-fields', body),
    changeCustomerField: (field: Id, body: { name?: string; options?: string[]; version: number }) => client.patch<CustomerField>(`/customer-fields/${id(field)}`, body),
    deleteCustomerField: (field: Id) => client.delete<null>(`/customer-fields/${id(field)}`),
    orderCustomerFields: (ids: Id[]) => client.put<null>('/customer-fields/order', { ids }),

    /** At most ten of those I may see, by a part of their name, phone or e-mail. */
    searchCustomers: async (words: string, options: RequestOptions = {}): Promise<CustomerHit[]> =>
      (await client.get<{ items: CustomerHit[] }>('/customers/search', { ...options, query: { q: words } })).items,
    /** Region, device and page of at most a hundred customers; who was never on the site, or may not be seen, is missing. */
    customerPlaces: async (customers: readonly Id[], options?: RequestOptions): Promise<CustomerPlace[]> =>
      (await client.get<{ items: CustomerPlace[] }>(`/customer-places?${new URLSearchParams(customers.map((one) => ['customer_id', one])).toString()}`, options)).items,

    customer: (customer: Id, options?: RequestOptions) => client.get<CustomerCard>(`/customers/${id(customer)}`, options),
    customerChanges: (customer: Id, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<CustomerChangeEntry>>(`/customers/${id(customer)}/changes`, { ...options, query: { after } }),
    customerNotes: (customer: Id, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<CustomerNote>>(`/customers/${id(customer)}/notes`, { ...options, query: { after } }),
    writeCustomerNote: (customer: Id, text: string) => client.create<CustomerNote>(`/customers/${id(customer)}/notes`, { text }),
    changeCustomerNote: (customer: Id, note: Id, body: { text: string; version: number }) =>
      client.patch<CustomerNote>(`/customers/${id(customer)}/notes/${id(note)}`, body),
    deleteCustomerNote: (customer: Id, note: Id) => client.delete<null>(`/customers/${id(customer)}/notes/${id(note)}`),

    tagConversation: (conversation: Id, tag_ids: Id[]) => client.put<Conversation>(`/conversations/${id(conversation)}/tags`, { tag_ids }),

    /** From the conversation it happened in, which ends with it. */
    blockCustomer: (conversation: Id, body: BlockBody) => client.post<Block>(`/conversations/${id(conversation)}/block`, body),
    blockedCustomers: (query: string, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<Block>>('/blocked-customers', { ...options, query: { q: query === '' ? null : query, after } }),
    releaseCustomers: async (customer_ids: Id[]) => (await client.post<{ customer_ids: Id[] }>('/blocked-customers/release', { customer_ids })).customer_ids,
    blacklistRules: (options?: RequestOptions) => client.get<BlacklistRules>('/blacklist-rules', options),
    saveBlacklistRules: (body: { same_address: boolean; version: number }) => client.put<BlacklistRules>('/blacklist-rules', body),
  }
}
