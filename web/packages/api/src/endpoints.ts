import { assignmentEndpoints } from './assignment'
import type { ApiClient, RequestOptions, UploadOptions } from './client'
import { customerEndpoints } from './customers'
import { deskEndpoints } from './desk'
import { fileEndpoints } from './files'
import { homeEndpoints } from './home'
import { ownEndpoints } from './own'
import { replyEndpoints } from './replies'
import { securityEndpoints } from './security'
import { serviceEndpoints } from './service'
import { systemEndpoints } from './system'
import { talkEndpoints } from './talk'
import type {
  Ack, Agent, AgentRegions, AgentStatus, AuditEntry, Channel, Conversation, Enterprise, Group, Id, InvitationPreview, LinkSent, Me,
  MessagePage, Page, PointGroup, Presence, RegionItem, Role, RoleTemplate, Scope, SendBody, Sight, UploadedFile, ViewGrant, WebSettings,
} from './types'

const LIST_LIMIT = 100
/** 50 pages of 100: more agents, groups or channels than one enterprise may have. */
const MAX_PAGES = 50

export type ConversationView = 'mine' | 'queue' | 'colleagues' | 'ended'

export interface AgentChange {
  name?: string
  public_name?: string
  staff_number?: string
  role_id?: Id
  scope?: Scope
  visitor_regions?: AgentRegions
  max_conversations?: number
  enabled?: boolean
  group_ids?: Id[]
  version: number
}

export interface ChannelChange {
  name?: string
  enabled?: boolean
  /** Those left out stay as they are. */
  settings?: Partial<WebSettings>
  version: number
}

async function everyPage<T>(read: (after: string | null) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  let after: string | null = null
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer: Page<T> = await read(after)
    items.push(...answer.items)
    after = answer.next
    if (after === null) break
  }
  return items
}

function id(value: Id): string {
  return encodeURIComponent(value)
}

/** The calls of docs/protocol.md section 2, one function each, named for what they do. */
export function endpoints(client: ApiClient) {
  const list = <T>(path: string, options: RequestOptions = {}): Promise<T[]> =>
    everyPage((after) => client.get<Page<T>>(path, { ...options, query: { ...options.query, limit: LIST_LIMIT, after } }))

  return {
    client,
    ...ownEndpoints(client),
    ...replyEndpoints(client),
    ...customerEndpoints(client),
    ...deskEndpoints(client),
    ...fileEndpoints(client),
    ...homeEndpoints(client),
    ...assignmentEndpoints(client),
    ...securityEndpoints(client),
    ...serviceEndpoints(client),
    ...systemEndpoints(client),
    ...talkEndpoints(client),

    lookUpInvitation: (token: string) => client.post<InvitationPreview>('/invitations/lookup', { token }),
    acceptInvitation: (body: { token: string; name: string; password: string }) => client.post<Me>('/invitations/accept', body),

    me: (options?: RequestOptions) => client.get<Me>('/me', options),
    changeMe: (body: { name?: string; public_name?: string; locale?: string; version: number }) => client.patch<Me>('/me', body),
    changePassword: (body: { current_password: string; new_password: string }) => client.put<null>('/me/password', body),
    setAvatar: (file: Blob, name: string, options?: UploadOptions) => client.upload<Me>('PUT', '/me/avatar', file, name, options),
    removeAvatar: () => client.delete<Me>('/me/avatar'),

    enterprise: (options?: RequestOptions) => client.get<Enterprise>('/enterprise', options),
    changeEnterprise: (body: { name?: string; timezone?: string; typing_preview?: boolean; version: number }) =>
      client.patch<Enterprise>('/enterprise', body),

    agents: (options?: RequestOptions) => list<Agent>('/agents', options),
    agent: (agent: Id, options?: RequestOptions) => client.get<Agent>(`/agents/${id(agent)}`, options),
    invite: (body: { email: string; name: string; role_id?: Id; scope?: Scope; group_ids: Id[] }) => client.post<LinkSent>('/agents/invitations', body),
    withdrawInvitation: (agent: Id) => client.delete(`/agents/${id(agent)}/invitation`),
    inviteAgain: (agent: Id) => client.post<LinkSent>(`/agents/${id(agent)}/invitation`),
    changeAgent: (agent: Id, body: AgentChange) => client.patch<Agent>(`/agents/${id(agent)}`, body),
    sight: (agent: Id, options?: RequestOptions) => client.get<Sight>(`/agents/${id(agent)}/sight`, options),
    viewAs: (agent: Id) => client.post<ViewGrant>(`/agents/${id(agent)}/view-as`),
    resetPassword: (agent: Id) => client.post<LinkSent>(`/agents/${id(agent)}/password-reset`),
    resetTwoFactor: (agent: Id) => client.delete<Agent>(`/agents/${id(agent)}/two-factor`),

    permissions: async (options?: RequestOptions) => (await client.get<{ groups: PointGroup[] }>('/permissions', options)).groups,
    roles: (options?: RequestOptions) => list<Role>('/roles', options),
    role: (role: Id, options?: RequestOptions) => client.get<Role>(`/roles/${id(role)}`, options),
    roleTemplates: async (options?: RequestOptions) => (await client.get<{ items: RoleTemplate[] }>('/roles/templates', options)).items,
    createRole: (body: { name: string; points: string[]; requires_two_factor: boolean }) => client.create<Role>('/roles', body),
    changeRole: (role: Id, body: { name?: string; points?: string[]; requires_two_factor?: boolean; version: number }) =>
      client.patch<Role>(`/roles/${id(role)}`, body),
    deleteRole: (role: Id) => client.delete<null>(`/roles/${id(role)}`),
    /** What was done to one thing, newest first. */
    auditOf: async (subject_kind: string, subject_id: Id, limit: number) =>
      (await client.get<Page<AuditEntry>>('/audit', { query: { subject_kind, subject_id, limit } })).items,

    /** Countries, or the regions that lie in `parent`. */
    regions: async (parent: string | null, options: RequestOptions = {}) =>
      (await client.get<{ items: RegionItem[] }>('/regions', { ...options, query: { parent } })).items,

    groups: (options?: RequestOptions) => list<Group>('/groups', options),
    createGroup: (body: { name: string; member_ids: Id[] }) => client.create<Group>('/groups', body),
    changeGroup: (group: Id, body: { name?: string; member_ids?: Id[]; version: number }) => client.patch<Group>(`/groups/${id(group)}`, body),
    deleteGroup: (group: Id) => client.delete<null>(`/groups/${id(group)}`),

    channels: (options?: RequestOptions) => list<Channel>('/channels', options),
    channel: (channel: Id, options?: RequestOptions) => client.get<Channel>(`/channels/${id(channel)}`, options),
    createChannel: (body: { name: string }) => client.create<Channel>('/channels', body),
    changeChannel: (channel: Id, body: ChannelChange) => client.patch<Channel>(`/channels/${id(channel)}`, body),

    uploadFile: (file: Blob, name: string, options?: UploadOptions) => client.upload<UploadedFile>('POST', '/files', file, name, options),
    conversations: (view: ConversationView, after: string | null, limit: number, options: RequestOptions = {}) =>
      client.get<Page<Conversation>>('/conversations', { ...options, query: { view, after, limit } }),
    conversation: (conversation: Id, options?: RequestOptions) => client.get<Conversation>(`/conversations/${id(conversation)}`, options),
    messages: (conversation: Id, range: { after_seq?: number; before_seq?: number; limit?: number }, options: RequestOptions = {}) =>
      client.get<MessagePage>(`/conversations/${id(conversation)}/messages`, { ...options, query: range }),
    send: (conversation: Id, body: SendBody) => client.post<Ack>(`/conversations/${id(conversation)}/messages`, body),
    withdraw: (conversation: Id, seq: number, client_message_id: Id) =>
      client.post<Ack>(`/conversations/${id(conversation)}/messages/${seq}/withdraw`, { client_message_id }),
    markRead: (conversation: Id, seq: number) => client.put<null>(`/conversations/${id(conversation)}/read`, { seq }),
    end: (conversation: Id) => client.post<Conversation>(`/conversations/${id(conversation)}/end`),
    /** Address of a picture of this conversation; the cookie authorises it. */
    fileUrl: (conversation: Id, file: Id, size: 'full' | 'thumb') =>
      `/api/v1/conversations/${id(conversation)}/files/${id(file)}?size=${size}`,

    presence: async (options?: RequestOptions) => (await client.get<{ items: Presence[] }>('/presence', options)).items,
    setStatus: (status: AgentStatus) => client.put<Presence>('/presence/me', { status }),
  }
}

export type Api = ReturnType<typeof endpoints>
