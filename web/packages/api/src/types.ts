import type { Schemas } from './schemas'

/**
 * The protocol's objects, named as docs/protocol.md names them. Their shapes are the server's own (`npm run generate`);
 * what the socket carries too comes from @qiatan/live, and schemas.ts proves that the two agree.
 */
export type {
  Ack, Conversation, ConversationStatus, Evaluation, EventData, Message, MessageKind, MessagePage, Participant, PictureData, SenderKind,
  OfferState, Routing, RoutingState, RoutingTarget, TransferOffer, UploadedFile, WithdrawalData,
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
export type RoleBrief = Schemas['RoleBrief']
export type RoleTemplate = Schemas['RoleTemplate']
export type PointGroup = Schemas['PointGroup']
export type PointShown = Schemas['PointShown']
export type Scope = Schemas['AgentScope']
export type AgentRegions = Schemas['AgentRegions']
export type Sight = Schemas['Sight']
export type ViewGrant = Schemas['ViewGrant']
export type RegionItem = Schemas['RegionItem']
export type AuditEntry = Schemas['AuditEntry']
export type Agent = Schemas['Agent']
export type Enterprise = Schemas['Enterprise']
export type Me = Schemas['Me']
export type Instance = Schemas['Instance']
export type LinkSent = Schemas['LinkSent']
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
  | 'agents.create'
  | 'agents.edit'
  | 'agents.role'
  | 'agents.scope'
  | 'agents.view_as'
  | 'groups.edit'
  | 'roles.edit'
  | 'security.view'
  | 'security.edit'
  | 'security.logins'
  | 'audit.view'
  | 'audit.export'
  | 'api_keys.manage'
  | 'system.view'
  | 'system.repair'
  | 'channels.view'
  | 'channels.edit'
  | 'routing.view'
  | 'routing.edit'
  | 'routing.attendance'
  | 'conversations.view_rules'
  | 'conversations.edit_rules'
  | 'conversations.serve'
  | 'files.send'
  | 'conversations.take'
  | 'conversations.view_colleagues'
  | 'conversations.end'
  | 'conversations.join'
  | 'conversations.take_over'
  | 'conversations.transfer'
  | 'conversations.exceed_maximum'
  | 'conversations.invite_evaluation'
  | 'customers.edit'
  | 'customers.fields'
  | 'customers.edit_notes'
  | 'customers.block'
  | 'tags.edit'
  | 'replies.use'
  | 'replies.edit_own'
  | 'replies.edit'
  | 'replies.transfer'

export type SendBody = { client_message_id: Id } & (
  | { kind: 'text'; text: string }
  | { kind: 'picture'; file_id: Id }
)
