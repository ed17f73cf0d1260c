import { LiveConnection, type ClientFrame, type ConversationHead, type LiveEvents, type LiveState, type Off, type ServerFrame, type Topic, type Transport } from '@qiatan/live'
import { getCurrentScope, nextTick, onScopeDispose, readonly, shallowRef } from 'vue'
import { csrfToken } from './api'
import { paced } from './ui/painted'
import { view, viewToken } from './view'

/**
 * The one connection of this page. The shell starts it after sign-in and stops it at sign-out; pages subscribe to topics and
 * frames here and never open a connection of their own.
 */
let ownHeads: () => ConversationHead[] = () => []

const connection = new LiveConnection({
  socketUrl: '/api/v1/socket',
  pollUrl: '/api/v1/poll',
  headers: () => ({ 'X-Qiatan-Csrf': csrfToken() ?? '1' }),
  viewAs: viewToken,
  digestOf: () => ownHeads(),
  pace: paced(),
})

const state = shallowRef<LiveState>('idle')
const transport = shallowRef<Transport | null>(null)
const endedBy = shallowRef<string | null>(null)
const ahead = shallowRef(0)
const isTimed = shallowRef(false)

connection.on('state', (now) => {
  if (now.state === 'open' && state.value === 'open') tellNewLine()
  else state.value = now.state
  transport.value = now.transport
})
connection.on('ended', ({ code }) => {
  endedBy.value = code
})
for (const type of ['welcome', 'pong'] as const) {
  connection.on(type, ({ at }) => {
    const there = Date.parse(at)
    if (Number.isNaN(there)) return
    ahead.value = there - Date.now()
    isTimed.value = true
  })
}

/** A line took over from one that was open. It knows nothing of what this one was told: who tells it when a line opens must see it open. */
function tellNewLine(): void {
  state.value = 'connecting'
  void nextTick(() => { state.value = connection.state })
}

export const live = {
  /** 'idle' | 'connecting' | 'open' | 'lost' | 'closed' */
  state: readonly(state),
  /** How frames travel now, or null while none do. */
  transport: readonly(transport),
  /** Why the server ended the connection for good, or null. */
  endedBy: readonly(endedBy),
  /** By how many milliseconds the server's clock is ahead of this machine's: deadlines are the server's. */
  ahead: readonly(ahead),
  /** Whether the server has told its hour; before that `ahead` says nothing. */
  isTimed: readonly(isTimed),

  start(): void {
    endedBy.value = null
    connection.start()
  },
  stop(): void {
    connection.stop()
  },
  /** Ends the wait between two attempts. */
  retryNow(): void {
    connection.retryNow()
  },
  subscribe(topic: Topic, conversationId?: string): void {
    connection.subscribe(topic, conversationId)
  },
  unsubscribe(topic: Topic, conversationId?: string): void {
    connection.unsubscribe(topic, conversationId)
  },
  /** False where the line is not open, and where this tab only looks as somebody else; nothing is queued here. */
  send(frame: ClientFrame): boolean {
    return !view.active.value && connection.send(frame)
  },
  /** What the heartbeat's digest is compared with: the open conversations of `mine`, as this page knows them. */
  setOwnHeads(read: () => ConversationHead[]): void {
    ownHeads = read
  },
}

function withScope(off: Off): Off {
  if (getCurrentScope()) onScopeDispose(off)
  return off
}

/** Calls `listener` for every frame of one type, until the answer is called or the component or store that asked is gone. */
export function onFrame<K extends ServerFrame['type']>(type: K, listener: (frame: LiveEvents[K]) => void): Off {
  return withScope(connection.on(type, listener))
}

/** Calls `listener` when the line is open again after a break: `changed` frames may have been missed meanwhile. */
export function onReconnect(listener: () => void): Off {
  let broken = state.value === 'lost'
  return withScope(
    connection.on('state', ({ state: now }) => {
      if (now === 'lost') broken = true
      else if (now === 'idle') broken = false
      else if (now === 'open' && broken) {
        broken = false
        listener()
      }
    }),
  )
}
