/** The protocol's objects as docs/protocol.md section 4 names them. What the socket carries too is defined once, in @qiatan/live. */

export type {
  Ack, Conversation, ConversationStatus, EventData, Message, MessageKind, MessagePage, Participant, PictureData, SenderKind,
  UploadedFile, WithdrawalData,
} from '@qiatan/live'

export type Id = string
/** RFC 3339 in UTC. */
export type Instant = string

export interface Page<T> {
  items: T[]
  next: string | null
}

export type Locale = 'zh-CN' | 'en'
export type Role = 'admin' | 'agent'

export interface Scope {
  kind: 'self' | 'groups' | 'all'
  group_ids: Id[]
}

export interface Agent {
  id: Id
  email: string
  name: string
  /** Empty where visitors see `name`. */
  public_name: string
  avatar_url: string | null
  role: Role
  scope: Scope
  group_ids: Id[]
  max_conversations: number
  enabled: boolean
  pending: boolean
  locale: string
  created_at: Instant
  version: number
}

export interface Enterprise {
  id: Id
  name: string
  timezone: string
  typing_preview: boolean
  version: number
}

export type Point =
  | 'enterprise.view'
  | 'enterprise.edit'
  | 'agents.view'
  | 'agents.edit'
  | 'groups.edit'
  | 'channels.view'
  | 'channels.edit'
  | 'conversations.serve'
  | 'conversations.take'
  | 'conversations.view_colleagues'
  | 'conversations.end'

export interface Me {
  agent: Agent
  enterprise: Enterprise
  /** Points this page does not know yet may be among them. */
  points: string[]
  csrf_token: string
}

export interface Instance {
  signup_open: boolean
  version: string
}

export interface Invited {
  agent: Agent
  link: string
  expires_at: Instant
}

export interface InvitationPreview {
  email: string
  name: string
  enterprise_name: string
}

export interface Group {
  id: Id
  name: string
  member_ids: Id[]
  version: number
}

export interface WebSettings {
  /** #rrggbb */
  color: string
  title: string
  greeting: string
  offline_text: string
  position: 'right' | 'left'
  offset_x: number
  offset_y: number
  launcher: 'round' | 'pill'
  launcher_text: string
  language: 'auto' | Locale
  mobile: 'sheet' | 'full'
  /** Exact origins whose pages may show the widget; none means any. */
  allowed_sites: string[]
}

export interface Channel {
  id: Id
  key: string
  kind: string
  name: string
  enabled: boolean
  settings: WebSettings
  snippet: string
  version: number
}

export type SendBody = { client_message_id: Id } & (
  | { kind: 'text'; text: string }
  | { kind: 'picture'; file_id: Id }
)

export type AgentStatus = 'online' | 'away' | 'offline'

export interface Presence {
  agent_id: Id
  status: AgentStatus
  connected: boolean
  open: number
}
