import type * as live from '@qiatan/live'
import type { components } from './generated/schema'

export type Schemas = components['schemas']

/** Compiles only where whatever the server may send fits what the pages expect. */
type Fits<Server extends Page, Page> = [Server, Page]

/** @qiatan/live writes its frames by hand, so that it depends on nothing; here a difference from the server's becomes an error. */
export type Agreement = [
  Fits<Schemas['Ack'], live.Ack>,
  Fits<Schemas['Conversation'], live.Conversation>,
  Fits<Omit<Schemas['Message'], 'data'>, Omit<live.Message, 'data'>>,
  Fits<Schemas['File'], live.UploadedFile>,
  Fits<Schemas['SentFile'], live.SentFile>,
  Fits<Omit<Schemas['MessagePage'], 'items'>, Omit<live.MessagePage, 'items'>>,
  Fits<Schemas['Participant'], live.Participant>,
  Fits<Schemas['Routing'], live.Routing>,
  Fits<Schemas['QueuePlace'], live.QueuePlace>,
  Fits<Schemas['TransferOffer'], live.TransferOffer>,
]
