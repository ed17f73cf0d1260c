import type { Message } from '@qiatan/live'
import { useDirectory } from './directory'
import { useThread } from './thread'

/** Takes a message of mine that the server has stored: it is not sent back to the connection that sent it. */
export function useOwn(): (message: Message) => void {
  const directory = useDirectory()
  const thread = useThread()

  return (message) => {
    const before = directory.known.get(message.conversation_id)
    directory.applyMessage(message)
    thread.apply(message)
    // It has overtaken what others wrote, which may be unread: only the server can count it.
    if (before && message.seq > before.head + 1) directory.reask(before.id)
  }
}
