import type { ClientFrame, Message, MessagePage, ServerFrame } from '../src'

/** One conversation's truth, with the server's rules that matter to a client: dense seq, a repeat gets the first result. */
export class FakeServer {
  readonly log: Message[] = []
  readonly sockets = new Set<FakeSocket>()
  accepting = true
  /** A frame for which this says true is lost on its way. */
  loses: (frame: ClientFrame | ServerFrame) => boolean = () => false
  digest: string | null = null
  refuse: ((frame: ClientFrame) => ServerFrame | null) | null = null

  readonly conversationId = 'c1'

  append(part: Partial<Message>): Message {
    const message: Message = {
      conversation_id: this.conversationId,
      seq: this.log.length + 1,
      kind: 'text',
      sender_kind: 'agent',
      sender_id: 'a1',
      client_message_id: null,
      at: new Date(0).toISOString(),
      text: null,
      data: null,
      withdrawn: false,
      ...part,
    }
    this.log.push(message)
    return message
  }

  page({ after_seq, before_seq, limit }: { after_seq?: number; before_seq?: number; limit: number }): MessagePage {
    const all = this.log.map((message) => ({ ...message }))
    const items =
      after_seq !== undefined
        ? all.filter((message) => message.seq > after_seq).slice(0, limit)
        : all.filter((message) => message.seq < (before_seq ?? Infinity)).slice(-limit)
    return { items, head: this.log.length, more: items.length === limit }
  }

  /** A new message to everybody but the connection that sent it. */
  publish(message: Message, except?: FakeSocket): void {
    for (const socket of this.sockets) if (socket !== except) socket.tell({ type: 'message', ...message })
  }

  withdraw(seq: number): Message {
    const target = this.log[seq - 1]!
    Object.assign(target, { withdrawn: true, text: null, data: null })
    return this.append({ kind: 'withdrawal', data: { ref_seq: seq } })
  }

  hear(socket: FakeSocket, frame: ClientFrame): void {
    if (this.loses(frame)) return
    const refusal = this.refuse?.(frame)
    if (refusal) {
      socket.tell(refusal)
      return
    }
    switch (frame.type) {
      case 'hello':
        socket.tell({ type: 'welcome', protocol: 1, me: { kind: 'customer', id: 'v1' }, at: '' })
        break
      case 'subscribe':
        socket.tell({
          type: 'subscribed',
          topic: frame.topic,
          conversations: [{ id: this.conversationId, head: this.log.length, version: 1 }],
        })
        break
      case 'send': {
        const first = this.log.find((message) => message.client_message_id === frame.client_message_id)
        const message = first ?? this.append({ sender_kind: 'customer', sender_id: 'v1', client_message_id: frame.client_message_id, text: frame.text ?? null })
        socket.tell({ type: 'ack', client_message_id: frame.client_message_id, conversation_id: this.conversationId, seq: message.seq, at: message.at })
        if (!first) this.publish(message, socket)
        break
      }
      case 'ping':
        socket.tell({ type: 'pong', at: '', digest: this.digest })
        break
      default:
        break
    }
  }

  cutAll(code = 1006): void {
    for (const socket of [...this.sockets]) socket.cut(code)
  }
}

/** A WebSocket whose other end is a FakeServer; frames travel one timer tick. */
export class FakeSocket {
  static readonly OPEN = 1
  static server: FakeServer
  static made: FakeSocket[] = []
  readyState = 0
  readonly heard: ClientFrame[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  private readonly server = FakeSocket.server

  constructor(readonly url: string) {
    FakeSocket.made.push(this)
    setTimeout(() => {
      if (this.readyState !== 0) return
      if (!this.server.accepting) {
        this.cut(1006)
        return
      }
      this.readyState = 1
      this.server.sockets.add(this)
      this.onopen?.()
    }, 1)
  }

  send(data: string): void {
    const frame = JSON.parse(data) as ClientFrame
    this.heard.push(frame)
    setTimeout(() => {
      if (this.readyState === 1) this.server.hear(this, frame)
    }, 1)
  }

  tell(...frames: ServerFrame[]): void {
    setTimeout(() => {
      const kept = frames.filter((frame) => !this.server.loses(frame))
      if (this.readyState === 1 && kept.length > 0) this.onmessage?.({ data: JSON.stringify(kept) })
    }, 1)
  }

  cut(code: number): void {
    this.readyState = 3
    this.server.sockets.delete(this)
    this.onclose?.({ code })
  }

  close(): void {
    this.readyState = 3
    this.server.sockets.delete(this)
  }
}
