import { isPicture, isRich, richPictureUrl, type Message } from '@qiatan/live'

/** A picture that can be looked at in full. */
export interface Viewable {
  /** `viewableKey` of its message and its place in it. */
  key: string
  url: string
  name: string
}

/** `at`: the block of a message with form; a picture by itself is the first. */
export function viewableKey(message: Pick<Message, 'conversation_id' | 'seq'>, at = 0): string {
  return `${message.conversation_id} ${message.seq} ${at}`
}

/** The pictures of a thread in the order in which they stand there, those inside messages with form among them; none that was taken back. */
export function viewables(messages: readonly Message[], fileUrl: (message: Message, fileId: string) => string): Viewable[] {
  return messages.flatMap((message): Viewable[] => {
    if (message.withdrawn) return []
    if (isPicture(message)) return [{ key: viewableKey(message), url: fileUrl(message, message.data.file_id), name: message.data.name }]
    if (!isRich(message)) return []
    return message.data.document.blocks.flatMap((block, at) => (block.kind === 'picture' ? [{ key: viewableKey(message, at), url: richPictureUrl(block.id), name: block.alt ?? '' }] : []))
  })
}
