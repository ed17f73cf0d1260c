/** What travels about who gets a conversation: docs/protocol.md, sections 2, 3 and 5. */

export type RoutingState = 'new' | 'queued' | 'message' | 'placed' | 'ended'

/** For whom a conversation waits. */
export interface RoutingTarget {
  kind: 'enterprise' | 'group' | 'agent'
  id?: string | null
  name?: string | null
}

/** How an open conversation stands, for agents. A newer version wins. */
export interface Routing {
  conversation_id: string
  state: RoutingState
  target: RoutingTarget | null
  /** The other targets whose agents may take it, the first twenty of them. A node of the version before says nothing of them. */
  also?: RoutingTarget[]
  /** How many there are beyond those. */
  also_more?: number
  /** From 1, within its target. */
  position: number | null
  /** Null where nothing honest can be said. */
  expected_seconds: number | null
  entered_at: string | null
  /** When the next delayed transfer fires unless somebody answers. */
  transfer_due_at: string | null
  transfer_step: number | null
  transfer_steps: number
}

export type OfferState = 'open' | 'accepted' | 'refused' | 'expired' | 'withdrawn'

/** A transfer that waits for a yes. */
export interface TransferOffer {
  id: string
  conversation_id: string
  customer_name: string
  from_agent_id: string
  from_agent_name: string
  to_agent_id: string | null
  to_group_id: string | null
  to_name: string
  note: string
  state: OfferState
  made_at: string
  due_at: string
}

/** What a visitor is told about their place. */
export interface QueuePlace {
  conversation_id: string | null
  state: RoutingState
  position: number | null
  expected_seconds: number | null
  text: string
}
