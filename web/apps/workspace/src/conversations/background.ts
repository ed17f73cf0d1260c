import { ApiError, type Conversation, type Id } from '@qiatan/api'
import type { ConversationHead, FrameOf, Message } from '@qiatan/live'
import { effectScope, onScopeDispose, watch } from 'vue'
import { t } from '../i18n'
import { live, onFrame, onReconnect } from '../live'
import { useSleep } from '../push/sleep'
import { useBadges } from '../stores/badges'
import { useSession } from '../stores/session'
import { toastProblem } from '../ui/toasts'
import { view } from '../view'
import { useAlerts } from './alerts/alerts'
import { customerName } from './layout/customerName'
import { SUBSCRIBED_LIMIT, serves, viewOf } from './model/lists'
import { offerTold } from './offers/told'
import { useDirectory } from './stores/directory'
import { useDrafts } from './stores/drafts'
import { useIntent } from './stores/intent'
import { useMentions } from './stores/mentions'
import { useOffers } from './stores/offers'
import { useOutbox } from './stores/outbox'
import { useOwn } from './stores/own'
import { usePlaces } from './stores/places'
import { useRouting } from './stores/routing'
import { useThread } from './stores/thread'
import { useTyping } from './stores/typing'
import { useUnsaved } from './stores/unsaved'
import { useViewers } from './stores/viewers'
import { tellUnsent } from './unsent'

/** Title and icon of the window are dear to change: not for what is read as it comes. */
const COUNT_AFTER_MS = 100

/** Rows that are still behind after their list was asked for are asked for one by one; of more, the rest with the next heartbeat. */
const ASKED_AT_ONCE = 20

/**
 * Keeps conversations, unread counts and the outbox in step with the server while somebody is signed in, whatever page is shown.
 * The shell calls it once per session and calls the answer at its end.
 */
export function start(): () => void {
  const scope = effectScope(true)
  scope.run(follow)
  return () => scope.stop()
}

function follow(): void {
  const session = useSession()
  const directory = useDirectory()
  const thread = useThread()
  const typing = useTyping()
  const outbox = useOutbox()
  const drafts = useDrafts()
  const intents = useIntent()
  const unsaved = useUnsaved()
  const mentions = useMentions()
  const viewers = useViewers()
  const routing = useRouting()
  const offers = useOffers()
  const places = usePlaces()
  const alerts = useAlerts()
  const badges = useBadges()
  const acceptOwn = useOwn()
  useSleep()
  tellUnsent()

  const listen: typeof onFrame = (type, listener) => {
    const off = onFrame(type, listener)
    onScopeDispose(off)
    return off
  }

  watch(() => session.agent?.id ?? null, (agentId, before) => {
    // Before the first agent nothing is known; the page may already be opening its conversation.
    if (before !== undefined) forget()
    if (agentId !== null) begin(agentId)
  }, { immediate: true })
  watch(live.state, (state) => {
    outbox.setOnline(state === 'open')
    if (state === 'open') viewers.again()
  })
  let counting: ReturnType<typeof setTimeout> | undefined
  watch(() => directory.unread, () => {
    counting ??= setTimeout(() => {
      counting = undefined
      badges.conversations = directory.unread
    }, COUNT_AFTER_MS)
  })
  badges.conversations = directory.unread
  onScopeDispose(() => {
    clearTimeout(counting)
    forget()
    live.setOwnHeads(() => [])
    live.unsubscribe('queue')
  })

  function forget(): void {
    directory.reset()
    thread.reset()
    typing.reset()
    routing.reset()
    offers.reset()
    drafts.reset()
    intents.reset()
    unsaved.reset()
    mentions.reset()
    places.reset()
    outbox.close()
    badges.conversations = 0
  }

  function begin(agentId: Id): void {
    // What a colleague wrote at this browser is not for whoever looks as them, and least of all to be sent.
    if (!view.active.value) {
      drafts.open(agentId)
      outbox.open(agentId, takeOwn)
    }
    live.setOwnHeads(directory.ownHeads)
    live.subscribe('mine')
    if (session.can('conversations.serve')) void directory.load('mine')
    if (session.can('conversations.take')) live.subscribe('queue')
  }

  // A right that goes takes its list along at once; one that comes brings it.
  watch(() => session.can('conversations.take'), (takes) => {
    if (takes) live.subscribe('queue')
    else close('queue')
  })
  watch(() => session.can('conversations.view_colleagues'), (sees) => { if (!sees) close('colleagues') })

  function close(topic: 'queue' | 'colleagues'): void {
    live.unsubscribe(topic)
    directory.clear(topic)
  }

  // What is open on the screen may no longer be ours to see: ask, and close it with a word where it is not.
  watch(() => session.rightsChange, (change) => {
    const open = thread.conversation
    if (change === null || open === null || serves(open, session.agent?.id ?? '')) return
    directory.refresh(open.id).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 404 || error.status === 403) thread.close(open.id, error)
    })
  })

  function takeOwn(message: Message): void {
    acceptOwn(message)
    if (thread.id === message.conversation_id) thread.newAfter = null
  }

  listen('message', ({ type: _type, ...message }) => {
    if (message.sender_kind === 'customer') typing.clear(message.conversation_id)
    const conversation = directory.known.get(message.conversation_id)
    if (conversation) {
      const isNews = message.seq > conversation.head
      directory.applyMessage(message)
      if (isNews) alerts.message(conversation, message)
      // What was missed in between may be unread as well; only the server can count it.
      if (message.seq > conversation.head + 1) directory.reask(conversation.id)
    } else {
      look(message.conversation_id)
    }
    thread.apply(message)
  })

  listen('conversation', ({ conversation }) => {
    const before = directory.known.get(conversation.id)
    const hadLeft = before !== undefined && hasLeft(before)
    const after = directory.accept(conversation)
    if (before && (before.customer.name !== after.customer.name || before.customer.vip !== after.customer.vip)) {
      directory.followCustomer(after.customer)
      thread.followCustomer(after.customer)
    } else if (before && isCardNews(before, after)) void thread.refreshCustomer(after.customer.id)
    thread.setHead(after.id, after.head)
    announce(hadLeft ? undefined : before, after)
  })

  /** It was told to be gone, and nothing about it since: what is known of it still says where it was. */
  function hasLeft(conversation: Conversation): boolean {
    const { phase, ids } = directory.lists[viewOf(conversation, session.agent?.id ?? '')]
    return phase === 'ready' && !ids.includes(conversation.id)
  }

  function announce(before: Conversation | undefined, after: Conversation): void {
    const myId = session.agent?.id ?? ''
    const place = viewOf(after, myId)
    if (before && viewOf(before, myId) === place) return
    if (place === 'mine') alerts.assigned(after)
    else if (place === 'queue' && session.can('conversations.take')) alerts.queued(after)
  }

  listen('conversation_gone', ({ conversation_id, topic }) => {
    if (topic === 'mine') tellMoved(conversation_id)
    if (topic !== 'conversation') directory.leave(conversation_id, topic)
    // Whether it may still be seen, and what has become of it, only the server knows.
    if (thread.id === conversation_id) directory.reask(conversation_id)
  })

  listen('read', ({ conversation_id, side, seq }) => directory.applyRead(conversation_id, side, seq))

  listen('typing', ({ conversation_id, side, text, agent_id }) => {
    const conversation = directory.known.get(conversation_id)
    const writer = side === 'agent' ? agent_id ?? conversation?.assignee_id ?? null : null
    if (!conversation || (side === 'agent' && writer === session.agent?.id)) return
    typing.show(conversation_id, { side, text: text ?? null, agentId: writer })
  })

  listen('visit', ({ visit }) => {
    thread.followVisit(visit)
    places.put(visit)
  })
  listen('customer_changed', ({ customer_id, what }) => {
    if (what === 'notes') thread.followNotes(customer_id)
    else void thread.refreshCustomer(customer_id)
  })
  onReconnect(() => thread.catchUpCustomer())
  listen('viewers', ({ conversation_id, agent_ids, names }) => viewers.accept(conversation_id, agent_ids, names))
  listen('draft', ({ type: _type, ...draft }) => drafts.accept(draft))
  listen('mentions_read', ({ conversation_id }) => mentions.forget(conversation_id))
  listen('mention', ({ type: _type, ...mention }) => {
    if (!mentions.accept(mention)) return
    alerts.mentioned(mention)
    if (!directory.known.has(mention.conversation_id)) look(mention.conversation_id)
  })
  watch([() => mentions.countOf(thread.id ?? ''), () => thread.phase], ([count, phase]) => {
    if (count > 0 && phase === 'ready' && thread.id !== null && !view.active.value) void mentions.read(thread.id)
  })
  watch(() => (thread.phase === 'ready' ? thread.id : null), (of) => viewers.look(of), { immediate: true })

  /** Conversations whose going was told by the offer that was accepted. */
  const handed = new Set<Id>()

  function isListedMine(id: Id): boolean {
    return directory.lists.mine.ids.includes(id)
  }

  /** It went to somebody else while I served it; what I did myself has been said already. */
  function tellMoved(id: Id): void {
    const moved = directory.known.get(id)
    if (handed.delete(id) || offers.outgoingOf(id) !== null || !moved || !isListedMine(id)) return
    toastProblem(t('routing.moved', { customer: customerName(moved.customer) }))
  }

  listen('transfer_offer', ({ offer }) => {
    if (!offers.accept(offer)) return
    // Where it has gone already, its going was not told either.
    if (offer.state === 'accepted' && offer.from_agent_id === session.agent?.id && isListedMine(offer.conversation_id)) handed.add(offer.conversation_id)
    if (offer.state !== 'open') offerTold(offer, session.agent?.id ?? '')
    else if (offer.from_agent_id !== session.agent?.id) alerts.offered(offer)
  })

  listen('changed', (frame) => {
    // The settings of the queue may have changed its limit.
    if (frame.object === 'routing' && session.can('conversations.take')) void routing.load('queue')
  })

  listen('subscribed', (frame) => {
    if (frame.topic !== 'conversation') void routing.load(frame.topic)
    else if (frame.conversation_id) void routing.loadOne(frame.conversation_id)
    if (frame.topic === 'mine' && !view.active.value) void Promise.all([drafts.load(), mentions.load()])
    if (frame.topic === 'mine') void offers.load().then((found) => found.forEach(alerts.offered))
    for (const { id, head } of frame.conversations) thread.setHead(id, head)
    if (frame.topic === 'conversation') {
      for (const { id, version } of frame.conversations) if ((directory.known.get(id)?.version ?? 0) < version) directory.reask(id)
      return
    }
    void compare(frame, frame.topic)
  })

  /** Brings a list in step with what the server says is in it. */
  async function compare({ conversations }: FrameOf<'subscribed'>, place: 'mine' | 'queue' | 'colleagues'): Promise<void> {
    const list = directory.lists[place]
    const agentId = session.agent?.id
    const listed = new Set(list.ids)
    const present = new Set(conversations.map((one) => one.id))
    const isBehind = conversations.some(({ id, head, version }) => {
      // What stands on a page of the list that is not loaded is news only where it has moved since it was last named.
      const last = listed.has(id) ? directory.known.get(id) : place === 'mine' && list.next !== null ? directory.named.get(id) : undefined
      return !last || last.head < head || last.version < version
    })
    const left = conversations.length < SUBSCRIBED_LIMIT ? list.ids.filter((id) => !present.has(id)) : []
    const loading = list.phase !== 'ready' || isBehind ? catchUp(place) : null
    for (const id of left) {
      directory.leave(id, place)
      if (place === 'mine' || thread.id === id) directory.reask(id)
    }
    await loading
    // Without an answer it stays behind, and the next heartbeat tells so.
    if (place !== 'mine' || (loading && directory.lists.mine.error !== null) || session.agent?.id !== agentId) return
    directory.name(conversations)
    if (loading) conversations.filter(isListedBehind).slice(0, ASKED_AT_ONCE).forEach(({ id }) => directory.reask(id))
  }

  /** Its row stands below the page that was just loaded, and was told anew meanwhile. */
  function isListedBehind({ id, head, version }: ConversationHead): boolean {
    const known = directory.known.get(id)
    return known !== undefined && isListedMine(id) && (known.head < head || known.version < version)
  }

  async function catchUp(place: 'mine' | 'queue' | 'colleagues'): Promise<void> {
    const unreadBefore = directory.unread
    const wasShown = directory.lists[place].phase === 'ready'
    await directory.load(place)
    if (place === 'mine' && wasShown && directory.unread > unreadBefore) alerts.missed()
    if (thread.conversation) thread.setHead(thread.conversation.id, thread.conversation.head)
  }

  function look(id: Id): void {
    directory.find(id).then((found) => announce(undefined, found), notFoundIsFine)
  }
}

/** What a frame pointed at is no longer mine to see, or no answer came: the next `subscribed` or digest brings this page in step again. */
function notFoundIsFine(error: unknown): void {
  if (!(error instanceof ApiError)) throw error
}

/** A conversation that is told anew and is as it was: what changed is on its customer's card. */
function isCardNews(before: Conversation, after: Conversation): boolean {
  return before.version < after.version && JSON.stringify({ ...before, version: 0 }) === JSON.stringify({ ...after, version: 0 })
}
