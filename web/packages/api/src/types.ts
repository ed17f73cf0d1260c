import type { Schemas } from './schemas'

/**
 * The protocol's objects, named as docs/protocol.md names them. Their shapes are the server's own (`npm run generate`);
 * what the socket carries too comes from @qiatan/live, and schemas.ts proves that the two agree.
 */
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
export type Role = Schemas['Role']
export type Scope = Schemas['AgentScope']
export type Agent = Schemas['Agent']
export type Enterprise = Schemas['Enterprise']
export type Me = Schemas['Me']
export type Instance = Schemas['Instance']
export type Invited = Schemas['Invited']
export type InvitationPreview = Schemas['InvitationPreview']
export type Group = Schemas['Group']
export type WebSettings = Schemas['WebSettings-Output']
export type Channel = Schemas['ChannelView']
export type Presence = Schemas['Presence']
export type AgentStatus = Schemas['PresenceStatus']
export type Visit = Schemas['Visit']
export type ConversationContext = Schemas['Context']

/** The points this workspace asks for; `Me.points` may name more. */
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

export type SendBody = { client_message_id: Id } & (
  | { kind: 'text'; text: string }
  | { kind: 'picture'; file_id: Id }
)
