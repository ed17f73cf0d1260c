import type { ByeCode, ClientFrame, ConversationHead, FrameOf, ServerFrame, Topic } from './frames'
import type { Closed, TransportEvents, Wire } from './transport'
import { Backoff } from './backoff'
import { Emitter, type Off } from './emitter'
import { SocketWire } from './socket-wire'
import { digest } from './digest'

type Timer = 'retry' | 'ping' | 'pong' | 'probe'

export type LiveState = 'idle' | 'connecting' | 'open' | 'lost' | 'closed'
export type Transport = 'socket' | 'polling'

export interface LiveOptions {
  /** Path or address; `http` becomes `ws`. */
  socketUrl?: string
  pollUrl?: string
  /** The visitor's token, read anew for each connection. Agents have none: their cookie speaks for them. */
  token?: () => string | null
  /** Allows an agent to see what a colleague sees, read anew for each connection; null: nobody looks as somebody else. */
  viewAs?: () => string | null
  /** Headers of the long-polling calls. */
  headers?: () => Record<string, string>
  /** Runs the handing on of frames, in order: now, or together with those that come next. At once where it is left out. */
  pace?: (hand: () => void) => void
  /** What this client believes is open under `mine`; compared with the server's digest at each heartbeat. */
  digestOf?: () => readonly ConversationHead[]
}

export type LiveEvents = { [K in ServerFrame['type']]: FrameOf<K> } & {
  state: { state: LiveState; transport: Transport | null }
  /** The server will not have us as we are. Nothing is tried again until `start()`. */
  ended: { code: ByeCode }
  /** The digest differed: subscriptions are being made again. */
  drift: { expected: string; own: string }
}

const PING_EVERY = 30_000
const PONG_WITHIN = 10_000
const PROBE_EVERY = 60_000
/** Where a socket has worked before on this page, polling is likely the shadow of a restart: look sooner. */
const PROBE_SOON = 5_000
const SOCKET_FAILURES = 3
/** A server that restarts sends everybody away: soon, but not all in the same moment, and never later than this. */
const RETURN_AT_LEAST = 100
const RETURN_SPREAD = 300
const RETURN_AT_MOST = 15_000
const OPEN_WITHIN = 5_000

export class LiveConnection {
  private readonly emitter = new Emitter<LiveEvents>()
  private readonly topics = new Map<string, { topic: Topic; conversation_id?: string }>()
  private readonly backoff = new Backoff()
  private current: LiveState = 'idle'
  private wire: Wire | null = null
  private kind: Transport | null = null
  private probe: Wire | null = null
  private failures = 0
  private socketWorked = false
  private askedAt = 0
  /** Over how many milliseconds the server asked its clients to spread their return, if it sent us away. */
  private returnOver: number | null = null
  private readonly timers = new Map<Timer, ReturnType<typeof setTimeout>>()
  /** Grows when the connection is stopped: frames that were still to be handed on are for nobody then. */
  private stops = 0
  /** Names the line in use: what an earlier one still has to say about its end is of no interest. */
  private line = 0

  constructor(private readonly options: LiveOptions = {}) {}

  get state(): LiveState {
    return this.current
  }

  get transport(): Transport | null {
    return this.current === 'open' ? this.kind : null
  }

  on<K extends keyof LiveEvents>(name: K, listener: (value: LiveEvents[K]) => void): Off {
    return this.emitter.on(name, listener)
  }

  start(): void {
    if (this.current !== 'idle' && this.current !== 'closed') return
    window.addEventListener('online', this.onOnline)
    window.addEventListener('offline', this.onOffline)
    window.addEventListener('pageshow', this.onWake)
    document.addEventListener('visibilitychange', this.onWake)
    this.failures = 0
    this.backoff.reset()
    this.become('connecting')
    this.connect()
  }

  stop(): void {
    this.shut('idle')
  }

  /** Hands a frame to the line. False: the line is not open and the frame was not taken. */
  send(frame: ClientFrame): boolean {
    return this.current === 'open' && (this.wire?.send(frame) ?? false)
  }

  subscribe(topic: Topic, conversationId?: string): void {
    const subscription = conversationId ? { topic, conversation_id: conversationId } : { topic }
    this.topics.set(`${topic}:${conversationId ?? ''}`, subscription)
    this.send({ type: 'subscribe', ...subscription })
  }

  unsubscribe(topic: Topic, conversationId?: string): void {
    if (!this.topics.delete(`${topic}:${conversationId ?? ''}`)) return
    this.send(conversationId ? { type: 'unsubscribe', topic, conversation_id: conversationId } : { type: 'unsubscribe', topic })
  }

  /** Does not wait for the next try: for a button, and for the moment the network comes back. */
  retryNow(): void {
    if (this.current !== 'lost' && this.current !== 'connecting') return
    if (this.wire || !this.timers.has('retry')) return
    this.backoff.reset()
    this.connect()
  }

  private readonly onOnline = (): void => {
    if (this.current === 'open') this.ping(PONG_WITHIN / 2)
    else this.retryNow()
  }

  private readonly onOffline = (): void => {
    // some systems say offline while a line on this machine still works: ask it
    if (this.current === 'open') this.ping(PONG_WITHIN / 2)
  }

  private readonly onWake = (): void => {
    if (document.visibilityState === 'hidden') return
    if (this.current === 'open') this.ping(PONG_WITHIN / 2)
    else this.retryNow()
  }

  private connect(): void {
    this.clear('retry')
    this.askedAt ||= Date.now()
    const line = ++this.line
    this.kind = 'socket'
    this.wire = this.openSocket({
      onOpen: () => this.opened(),
      onFrames: (frames) => this.receive(frames),
      onClosed: (reason) => {
        if (line === this.line) this.socketClosed(reason)
      },
    })
  }

  private openSocket(events: TransportEvents): Wire {
    return new SocketWire(this.socketAddress(), this.hello(), Boolean(this.options.token), events)
  }

  /** Polling is tried only where the socket failed right before: a server that is down fails both, and the socket is then first again. */
  private socketClosed(reason: Closed): void {
    if (reason.kind !== 'unavailable') {
      this.lost(reason)
      return
    }
    this.failures += 1
    const tooLong = !this.socketWorked && Date.now() - this.askedAt >= OPEN_WITHIN
    if (this.failures >= SOCKET_FAILURES || tooLong) this.openPolling()
    else this.lost(reason)
  }

  /** Polling comes as a part of its own: where the socket works, nobody pays for it. */
  private openPolling(): void {
    const line = ++this.line
    this.kind = 'polling'
    this.wire = null
    import('./poll-wire').then(
      ({ PollWire }) => {
        if (line !== this.line) return
        this.wire = new PollWire(this.options.pollUrl ?? '/api/v1/poll', this.hello(), () => this.options.headers?.() ?? {}, {
          onOpen: () => {
            this.opened()
            this.probeIn(this.socketWorked ? PROBE_SOON : PROBE_EVERY)
          },
          onFrames: (frames) => this.receive(frames),
          onClosed: (reason) => {
            if (line === this.line) this.lost(reason)
          },
        })
      },
      () => {
        if (line === this.line) this.lost({ kind: 'unavailable' })
      },
    )
  }

  private probeIn(wait: number): void {
    this.set('probe', wait, () => {
      let line = -1
      this.probe = this.openSocket({
        onOpen: () => {
          line = this.promote()
        },
        onFrames: (frames) => this.receive(frames),
        onClosed: (reason) => {
          if (line === this.line) this.lost(reason)
          else if (this.probe) this.probeAgain()
        },
      })
    })
  }

  private probeAgain(): void {
    this.probe = null
    this.probeIn(PROBE_EVERY)
  }

  /** The socket got through after all: it takes over; what arrives on both lines meanwhile merges by seq. */
  private promote(): number {
    const polling = this.wire
    this.line += 1
    this.wire = this.probe
    this.probe = null
    this.kind = 'socket'
    polling?.close()
    this.opened()
    return this.line
  }

  private opened(): void {
    this.failures = 0
    this.askedAt = 0
    this.returnOver = null
    this.backoff.reset()
    if (this.kind === 'socket') this.socketWorked = true
    this.become('open')
    this.subscribeAll()
    this.pingIn()
  }

  private subscribeAll(): void {
    for (const subscription of this.topics.values()) this.send({ type: 'subscribe', ...subscription })
  }

  private receive(frames: ServerFrame[]): void {
    this.clear('pong')
    for (const frame of frames) {
      if (frame.type === 'bye' && (frame.code === 'restarting' || (frame.code === 'replaced' && frame.within))) this.returnOver = (frame.within ?? 0) * 1000
    }
    const stops = this.stops
    const hand = (): void => {
      if (stops === this.stops) this.handOn(frames)
    }
    if (this.options.pace) this.options.pace(hand)
    else hand()
  }

  private handOn(frames: ServerFrame[]): void {
    for (const frame of frames) {
      // Compared in its turn: what came before it is known then.
      if (frame.type === 'pong') void this.compare(frame.digest ?? null)
      this.emitter.emit(frame.type, frame as never)
    }
  }

  private async compare(expected: string | null): Promise<void> {
    if (expected === null || !this.options.digestOf) return
    const own = await digest(this.options.digestOf())
    if (own === null || own === expected) return
    this.emitter.emit('drift', { expected, own })
    this.subscribeAll()
  }

  private pingIn(): void {
    this.set('ping', PING_EVERY, () => {
      this.ping(PONG_WITHIN)
      this.pingIn()
    })
  }

  private ping(within: number): void {
    this.send({ type: 'ping' })
    if (!this.timers.has('pong')) this.set('pong', within, () => this.wire?.close())
  }

  private lost(reason: Closed): void {
    this.wire = null
    if (this.current === 'idle' || this.current === 'closed') return
    if (reason.kind === 'refused') {
      this.shut('closed')
      this.emitter.emit('ended', { code: reason.code })
      return
    }
    this.clear('ping', 'pong', 'probe')
    this.dropProbe()
    this.become('lost')
    this.set('retry', this.nextTry(), () => this.connect())
  }

  /** Where another process takes over, the first try succeeds; where none does, the tries after it back off as ever. */
  private nextTry(): number {
    const over = this.returnOver
    this.returnOver = null
    if (over === null) return this.backoff.next()
    return RETURN_AT_LEAST + Math.round(Math.random() * Math.min(Math.max(over, RETURN_SPREAD), RETURN_AT_MOST))
  }

  private shut(state: 'idle' | 'closed'): void {
    this.current = state
    this.stops += 1
    this.clear('retry', 'ping', 'pong', 'probe')
    this.dropProbe()
    const wire = this.wire
    this.line += 1
    this.wire = null
    wire?.close()
    window.removeEventListener('online', this.onOnline)
    window.removeEventListener('offline', this.onOffline)
    window.removeEventListener('pageshow', this.onWake)
    document.removeEventListener('visibilitychange', this.onWake)
    this.emitter.emit('state', { state, transport: null })
  }

  private dropProbe(): void {
    const probe = this.probe
    this.probe = null
    probe?.close()
  }

  private become(state: LiveState): void {
    if (this.current === state && state !== 'open') return
    this.current = state
    this.emitter.emit('state', { state, transport: this.transport })
  }

  private hello(): ClientFrame {
    const token = this.options.token?.()
    const viewAs = this.options.viewAs?.()
    return { type: 'hello', ...(token ? { token } : {}), ...(viewAs ? { view_as: viewAs } : {}), protocol: 1 }
  }

  private socketAddress(): string {
    const url = new URL(this.options.socketUrl ?? '/api/v1/socket', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    return url.href
  }

  private set(name: Timer, wait: number, run: () => void): void {
    this.clear(name)
    const timer = setTimeout(() => {
      this.timers.delete(name)
      run()
    }, wait)
    this.timers.set(name, timer)
  }

  private clear(...names: Timer[]): void {
    for (const name of names) {
      clearTimeout(this.timers.get(name))
      this.timers.delete(name)
    }
  }
}
