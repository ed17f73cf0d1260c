import type { Conversation, Routing, TransferOffer } from '@qiatan/live'
import type { ApiClient, RequestOptions } from './client'
import type { CustomerCard } from './customers'
import type { Schemas } from './schemas'
import type { Ack, Id } from './types'

/** What is known of a customer. */
export type CustomerShown = CustomerCard

export type Queue = Schemas['Queue']
export type TargetAgent = Schemas['TargetAgent']
export type TargetGroup = Schemas['TargetGroup']
export type TransferTargets = Schemas['TransferTargets']
export type TransferResult = Schemas['TransferResult']
export type Decision = Schemas['Decision']

/** What is left out stays. `version` is the customer's, as it was read. */
export interface CustomerChange {
  /** Null takes the name away. */
  name?: string | null
  vip?: boolean
  /** Takes the place of all tags. */
  tag_ids?: Id[]
  /** Only what changes; null: nothing is known. */
  fields?: Record<string, string | null>
  version: number
}

/** `mentions`: the agents it calls, who must be able to see the conversation. `reply_to`: the seq of a note it answers. */
export interface NoteBody {
  client_message_id: Id
  text: string
  mentions?: Id[]
  reply_to?: number | null
}

function id(value: Id): string {
  return encodeURIComponent(value)
}

/** The calls about who gets a conversation and who takes part in it. */
export function deskEndpoints(client: ApiClient) {
  const conversation = (of: Id, part: string): string => `/conversations/${id(of)}/${part}`
  const offer = (of: Id, part = ''): string => `/transfer-offers/${id(of)}${part}`
  return {
    take: (of: Id, beyond_maximum = false) => client.post<Conversation>(conversation(of, 'take'), { beyond_maximum }),
    takeOver: (of: Id, beyond_maximum = false) => client.post<Conversation>(conversation(of, 'take-over'), { beyond_maximum }),
    /** Asks the customer what they think of the service; at most once a minute. */
    inviteEvaluation: (of: Id) => client.post<Conversation>(conversation(of, 'evaluation-invitation')),
    join: (of: Id) => client.post<Conversation>(conversation(of, 'join')),
    leave: (of: Id) => client.delete<Conversation>(conversation(of, 'join')),
    writeNote: (of: Id, body: NoteBody) => client.post<Ack>(conversation(of, 'notes'), body),
    changeCustomer: (of: Id, body: CustomerChange) => client.patch<CustomerShown>(conversation(of, 'customer'), body),

    transferTargets: (of: Id, options?: RequestOptions) => client.get<TransferTargets>(conversation(of, 'transfer-targets'), options),
    transfer: (of: Id, body: { agent_id?: Id; group_id?: Id; note?: string }) => client.post<TransferResult>(conversation(of, 'transfer'), body),
    transferOffers: async (options?: RequestOptions) => (await client.get<{ items: TransferOffer[] }>('/transfer-offers', options)).items,
    acceptOffer: (of: Id, beyond_maximum = false) => client.post<Conversation>(offer(of, '/accept'), { beyond_maximum }),
    refuseOffer: (of: Id) => client.post<null>(offer(of, '/refuse')),
    withdrawOffer: (of: Id) => client.delete<null>(offer(of)),

    queue: (options?: RequestOptions) => client.get<Queue>('/queue', options),
    routings: async (view: 'mine' | 'colleagues', options: RequestOptions = {}) =>
      (await client.get<{ items: Routing[] }>('/routings', { ...options, query: { view } })).items,
    routing: (of: Id, options?: RequestOptions) => client.get<Routing>(conversation(of, 'routing'), options),
    decisions: async (of: Id, options?: RequestOptions) => (await client.get<{ items: Decision[] }>(conversation(of, 'decisions'), options)).items,
  }
}
