import { computed, reactive, ref, shallowRef, triggerRef, watch } from 'vue'
import { Backoff, LiveConnection, Outbox, messageOf, uuidv7, type BlobStore, type ClientFrame, type FrameOf, type OutboxEntry } from '@qiatan/live'
import { host, placed, tell } from './bridge'
import { ApiError, request } from './http'
import { call, channelKey, config, identity, loadConfig, openSession, typingPreview, visit } from './session'
import { storage } from './storage'
import type * as Parts from './sending-pictures'
import * as threads from './threads'

export type Line = 'connecting' | 'open' | 'lost' | 'back'

const LOST_SHOWN_AFTER = 1_500
const BACK_SHOWN = 2_500
const TYPING_FADES = 5_000
/** A panel left open for weeks renews its token long before it ends. */
const RENEW_EVERY = 6 * 3_600_000
/** A site that says nothing does not keep its visitor waiting. */
const PLACED_WITHIN = 1_000

export const line = ref<Line>('connecting')
export const online = ref<boolean | null>(null)
export const agentTyping = ref(false)
export const unsent = shallowRef<readonly OutboxEntry[]>([])
export const ready = ref(false)
/** What the panel says where there is no conversation to be had: it tries again, or there is nothing to wait for. */
export const failing = ref<'noSession' | 'shut' | null>(null)
/** The service is refused to this visitor: nothing is shown, and nothing says why. */
export const shut = ref(false)
/** What the header says while the visitor waits, once the waiting part knows. */
export const waitingLine = ref('')
/** A refusal that belongs to no unsent message, such as a withdrawal that came too late. */
export const refusal = reactive({ code: null as string | null })

export const live = new LiveConnection({
  token: () => identity.value?.token ?? null,
  headers: () => ({ Authorization: `Bearer ${identity.value?.token ?? ''}`, 'X-Qiatan-Csrf': '1' }),
  digestOf: threads.openHeads,
})

const again = new Backoff()
let lostTimer: ReturnType<typeof setTimeout> | null = null
let typingTimer: ReturnType<typeof setTimeout> | null = null
let renewal: ReturnType<typeof setInterval> | null = null
let started: Promise<void> | null = null

/** What only pictures need is fetched with the first one. */
const parts = (): Promise<typeof Parts> => import('./sending-pictures')
const blobs: BlobStore = {
  put: async (id, blob) => (await parts()).store.put(id, blob),
  get: async (id) => (await parts()).store.get(id),
  delete: async (id) => (await parts()).store.delete(id),
}

const UPLOADS = '/api/v1/widget/uploads'
const bearer = (): Record<string, string> => ({ Authorization: `Bearer ${identity.value?.token ?? ''}` })

const outbox = new Outbox({
  scope: channelKey,
  storage,
  blobs,
  send: (frame) => !saying && live.send(frame),
  upload: async (file, onProgress, signal, begun) => {
    if (begun) return (await import('./sending-files')).uploadInParts({ url: UPLOADS, headers: bearer, file, id: begun.id, begun: begun.set, onProgress, signal })
    const { uploadPicture } = await parts()
    return uploadPicture('/api/v1/widget/files', file, bearer(), onProgress, signal)
  },
  // what is not given up here goes by itself after a day
  onCancelled: (id) => void import('./sending-files').then((part) => part.cancelUpload(UPLOADS, bearer(), id)).catch(() => undefined),
  onAck: (entry, ack) => {
    threads.append([messageOf(entry, ack, 'customer', identity.value?.customer_id ?? null)])
    tell({ type: 'talking', open: true })
    if (!threads.current.value || threads.current.value.id !== ack.conversation_id) refreshList()
  },
  onChange: () => {
    unsent.value = outbox.entries
    triggerRef(unsent)
  },
  // without IndexedDB the picture lives as long as the page: the message says so itself after a reload
  onBlobError: () => undefined,
})
unsent.value = outbox.entries

live.on('ack', (frame) => {
  unsure.delete(frame.client_message_id)
  outbox.acknowledged(frame)
})
live.on('error', (frame) => {
  if (frame.ref && unsure.delete(frame.ref)) refusal.code = frame.code
  else outbox.refused(frame)
})
live.on('message', (frame) => {
  threads.append([frame])
  if (frame.sender_kind === 'agent') agentTyping.value = false
})
live.on('conversation', ({ conversation }) => threads.take(conversation))
live.on('subscribed', ({ conversations }) => {
  if (threads.catchUp(conversations)) refreshList()
})
live.on('read', ({ conversation_id, side, seq }) => threads.markRead(conversation_id, side, seq))
live.on('availability', (frame) => {
  online.value = frame.online
})
live.on('typing', (frame) => showTyping(frame))
live.on('state', ({ state }) => {
  outbox.setOnline(state === 'open')
  if (lostTimer !== null) clearTimeout(lostTimer)
  lostTimer = null
  if (state === 'open') {
    again.reset()
    unsure.forEach(utter)
    const was = line.value
    line.value = was === 'lost' ? 'back' : 'open'
    if (was === 'lost') lostTimer = setTimeout(() => (line.value = 'open'), BACK_SHOWN)
  } else if (state === 'lost') {
    lostTimer = setTimeout(() => (line.value = 'lost'), LOST_SHOWN_AFTER)
  }
})
live.on('ended', ({ code }) => {
  if (code === 'blocked') return shutDown()
  if (!fail(code === 'origin_refused')) setTimeout(() => void begin(), again.next())
})

/** The name and face of who serves now, as the header shows them. */
export const agent = computed(() => {
  const conversation = threads.current.value
  if (!conversation?.assignee_id || conversation.status === 'ended') return null
  return conversation.participants.find(({ id }) => id === conversation.assignee_id) ?? null
})

export const rows = computed(() => unsent.value.filter((entry) => !threads.contains(entry.client_message_id)))

/** Begins when the visitor opens the panel, or at once where an identity is already there: a look alone makes none. */
export function start(): void {
  loadConfig().catch((error: unknown) => {
    if (!isShut(error) && !ready.value) failing.value ??= 'noSession'
  })
  watch(
    () => host.everShown || identity.value !== null,
    (wanted) => {
      if (wanted) started ??= begin()
    },
    { immediate: true },
  )
  watch(
    () => ready.value && host.page,
    (page) => {
      if (page && page.url) visit().catch(ignoreApi)
    },
  )
  watch(
    () => identity.value?.customer_id,
    (now, before) => {
      if (!before || !now || now === before) return
      threads.forgetAll()
      unsure.clear()
      refreshList()
      reconnect()
    },
  )
  watch(threads.unread, (count) => tell({ type: 'unread', count }), { immediate: true })
  watch(
    () => threads.current.value?.status,
    (status) => {
      if (status) tell({ type: 'talking', open: status !== 'ended' })
    },
  )
}

async function begin(): Promise<void> {
  // where they came from and the page they landed on are asked for once, when a stay begins
  await Promise.race([placed, new Promise((resolve) => setTimeout(resolve, PLACED_WITHIN))])
  const backoff = new Backoff(1_000, 30_000)
  for (;;) {
    try {
      await openSession()
      await Promise.all([threads.loadConversations(), loadAvailability()])
      break
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (isShut(error)) return
      // the channel is switched off or gone: there is nobody to wait for
      if (fail(error.status === 404)) return
      await new Promise((resolve) => setTimeout(resolve, backoff.next()))
    }
  }
  failing.value = null
  ready.value = true
  tell({ type: 'shut', on: false })
  live.subscribe('mine')
  live.start()
  renewal ??= setInterval(() => void openSession().catch(ignoreApi), RENEW_EVERY)
}

/** Says that there is nothing here, and whether that is so for good. */
function fail(forGood: boolean): boolean {
  failing.value = forGood ? 'shut' : 'noSession'
  return forGood
}

/** Whether a refusal says that there is nothing here for this visitor; then all of it ends. */
function isShut(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.code !== 'blocked') return false
  shutDown()
  return true
}

function shutDown(): void {
  shut.value = true
  if (renewal !== null) clearInterval(renewal)
  renewal = null
  live.stop()
  tell({ type: 'shut', on: true })
}

async function loadAvailability(): Promise<void> {
  online.value = (await request<{ online: boolean }>('GET', '/widget/availability', identity.value?.token ?? null)).online
}

function reconnect(): void {
  if (!ready.value) return
  live.stop()
  live.start()
}

let refreshing = false
function refreshList(): void {
  if (refreshing) return
  refreshing = true
  threads
    .loadConversations()
    .catch(ignoreApi)
    .finally(() => (refreshing = false))
}

/** The next heartbeat's digest finds what this call could not bring. */
function ignoreApi(error: unknown): void {
  if (isShut(error)) return
  if (!(error instanceof ApiError)) throw error
}

function showTyping(frame: FrameOf<'typing'>): void {
  if (frame.side !== 'agent') return
  agentTyping.value = true
  if (typingTimer !== null) clearTimeout(typingTimer)
  typingTimer = setTimeout(() => (agentTyping.value = false), TYPING_FADES)
}

/** False: too many are waiting already, nothing was taken and the panel says so. */
function room(): boolean {
  refusal.code = outbox.full ? 'outbox_full' : null
  return !outbox.full
}

/** Answers whether the message was taken. */
export function sendText(text: string): boolean {
  if (!room()) return false
  outbox.text(text)
  if (typingLater !== null) clearTimeout(typingLater)
  typingLater = null
  return true
}

export function sendFile(file: File): void {
  if (room()) outbox.file(file)
}

export function sendPicture(file: File): void {
  if (room()) outbox.picture(file)
}

export function retry(id: string): void {
  outbox.retry(id)
}

export function remove(id: string): void {
  outbox.remove(id)
}

/**
 * What a line that breaks may have swallowed, and what there was no line for: said on the next one. Withdrawals until they are answered, and the
 * newest read mark of each conversation, which nobody answers.
 */
const unsure = reactive(new Map<string, ClientFrame>())

function utter(frame: ClientFrame): void {
  if (live.send(frame) && frame.type === 'read') threads.markRead(frame.conversation_id, 'customer', frame.seq)
}

function say(key: string, frame: ClientFrame): void {
  unsure.set(key, frame)
  utter(frame)
}

/** Whether a message is about to be taken back: asked for, and not answered yet. */
export function takesBack(conversationId: string, seq: number): boolean {
  return [...unsure.values()].some((frame) => frame.type === 'withdraw' && frame.conversation_id === conversationId && frame.seq === seq)
}

export function withdraw(conversationId: string, seq: number): void {
  if (takesBack(conversationId, seq)) return
  const id = uuidv7()
  refusal.code = null
  say(id, { type: 'withdraw', client_message_id: id, conversation_id: conversationId, seq })
}

/** Marks what is on the screen as read; say it only while the visitor can see it. */
export function markSeen(): void {
  for (const { id, seq } of threads.readable()) say(id, { type: 'read', conversation_id: id, seq })
}

let lastTyped = 0
let typingLater: ReturnType<typeof setTimeout> | null = null

/** At most one frame a second, the last one always: what is written goes along only where the enterprise reads it. */
export function typing(text: string): void {
  if (typingLater !== null) clearTimeout(typingLater)
  typingLater = null
  if (!threads.current.value || threads.current.value.status === 'ended') return
  const wait = lastTyped + 1_000 - Date.now()
  if (wait > 0) {
    typingLater = setTimeout(() => typing(text), wait)
    return
  }
  lastTyped = Date.now()
  live.send(typingPreview.value ? { type: 'typing', text: [...text].slice(0, 500).join('') } : { type: 'typing' })
}

export async function endConversation(): Promise<void> {
  const id = threads.current.value?.id
  if (!id) return
  try {
    await call('POST', `/widget/conversations/${id}/end`)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status !== 409) refusal.code = 'failed'
  }
}

/** What the site says of its visitor goes before the first message of each conversation: that one waits for it. */
let saying = 0
/** One after the other: what the page said last must be what the server heard last. */
let turn: Promise<void> = Promise.resolve()
watch(
  [() => (ready.value ? host.said : null), () => threads.current.value?.status === 'ended'],
  ([said, ended], [before]) => {
    if (!said || (said === before && !ended)) return
    saying++
    turn = turn
      .then(() => import('./saying'))
      // a part that cannot be fetched must not hold the message back for ever
      .then((part) => part.say(said, host.alone, call), () => undefined)
      .finally(() => {
        saying--
        outbox.setOnline(live.state === 'open')
      })
  },
  { flush: 'sync' },
)

export const settings = computed(() => config.value?.settings ?? null)
