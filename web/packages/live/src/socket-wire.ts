import type { ClientFrame } from './frames'
import type { Closed, TransportEvents, Wire } from './transport'
import { framesOf, refusedBy } from './transport'

const WELCOME_WITHIN = 5_000

/** One WebSocket from hello to close. */
export class SocketWire implements Wire {
  private readonly socket: WebSocket
  private readonly patience: ReturnType<typeof setTimeout>
  private welcome = false
  private closed = false
  private refusal: Closed | null = null

  constructor(
    url: string,
    hello: ClientFrame,
    private readonly token: boolean,
    private readonly events: TransportEvents,
  ) {
    this.socket = new WebSocket(url)
    this.patience = setTimeout(() => this.end({ kind: 'unavailable' }), WELCOME_WITHIN)
    this.socket.onopen = () => this.socket.send(JSON.stringify(hello))
    this.socket.onmessage = (event) => this.receive(event.data)
    this.socket.onclose = (event) => this.end(this.refusal ?? this.reasonOf(event.code))
  }

  send(frame: ClientFrame): boolean {
    if (!this.welcome || this.closed || this.socket.readyState !== WebSocket.OPEN) return false
    this.socket.send(JSON.stringify(frame))
    return true
  }

  close(): void {
    this.end({ kind: 'lost' })
  }

  private receive(data: unknown): void {
    if (this.closed || typeof data !== 'string') return
    const frames = parse(data)
    for (const frame of frames) {
      const code = frame.type === 'bye' || (frame.type === 'error' && !this.welcome) ? refusedBy(frame.code) : null
      if (code) this.refusal = { kind: 'refused', code }
    }
    if (!this.welcome && frames.some((frame) => frame.type === 'welcome')) {
      this.welcome = true
      clearTimeout(this.patience)
      this.events.onOpen()
    }
    this.events.onFrames(frames)
    if (this.refusal) this.end(this.refusal)
  }

  private reasonOf(code: number): Closed {
    if (code === 4401) return { kind: 'refused', code: this.token ? 'token_expired' : 'signed_out' }
    if (code === 4403) return { kind: 'refused', code: 'origin_refused' }
    return this.welcome ? { kind: 'lost' } : { kind: 'unavailable' }
  }

  private end(reason: Closed): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.patience)
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null
    this.socket.close()
    this.events.onClosed(reason)
  }
}

function parse(data: string): ReturnType<typeof framesOf> {
  try {
    return framesOf(JSON.parse(data))
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
