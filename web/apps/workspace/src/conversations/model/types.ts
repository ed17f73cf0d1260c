export type { ConversationContext, Visit } from '@qiatan/api'

/** So many earlier conversations of the customer are known with the context; where there are as many, there may be more. */
export const EARLIER_KNOWN = 20

/** For so long after their last page the server counts it as one stay. */
export const STAYS_MS = 30 * 60_000
