export type { ConversationContext, Visit } from '@qiatan/api'
