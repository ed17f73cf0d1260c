import type { Conversation, Id, Preferences, TransferOffer } from '@qiatan/api'
import { isFile, type Mention, type Message } from '@qiatan/live'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { t } from '../../i18n'
import { router } from '../../router'
import { useChoices } from '../../stores/choices'
import { useSession } from '../../stores/session'
import { toastFailed } from '../../ui/toasts'
import { view } from '../../view'
import { customerName, shownName } from '../layout/customerName'
import { serves, viewOf } from '../model/lists'
import { useThread } from '../stores/thread'
import { isQuiet } from './quiet'
import { playSound, unlockSound } from './sound'

/** Several things that arrive together sound once. */
const TONE_EVERY_MS = 1_500
const BODY_LENGTH = 160
const ASKED_KEY = 'qiatan.desktop.asked'

/** Which of the agent's sounds is heard. */
type Why = keyof Preferences['sounds']

/** Calls the agent when something new waits that is not on the screen: a tone and a notification of the operating system. */
export const useAlerts = defineStore('alerts', () => {
  const choices = useChoices()
  const session = useSession()
  const thread = useThread()
  const permission = shallowRef<NotificationPermission | 'unsupported'>('Notification' in window ? Notification.permission : 'unsupported')
  const asked = shallowRef(window.localStorage.getItem(ASKED_KEY) !== null)
  /** Conversations this agent is taking: no surprise, so no alert. */
  const expected = new Set<Id>()
  let lastTone = 0

  /** Whether the page may offer desktop notifications: never asked, never refused. */
  const mayOffer = computed(() => permission.value === 'default' && !asked.value && !choices.settings.desktop && !view.active.value)

  for (const event of ['pointerdown', 'keydown'] as const) {
    window.addEventListener(event, unlockSound, { once: true, passive: true })
  }

  function isLookedAt(id: Id): boolean {
    return thread.id === id && document.visibilityState === 'visible' && document.hasFocus()
  }

  function message(conversation: Conversation, arrived: Message): void {
    if (arrived.kind === 'note') return whispered(conversation, arrived)
    const isContent = ['text', 'picture', 'rich', 'file'].includes(arrived.kind)
    if (!isContent || arrived.sender_kind !== 'customer' || isLookedAt(conversation.id)) return
    if (!serves(conversation, session.agent?.id ?? '')) return
    const body = arrived.kind === 'picture' ? t('conversations.alert.picture') : isFile(arrived) ? t('files.inList', { name: arrived.data.name }) : arrived.text ?? ''
    call(conversation.id, nameOf(conversation), body)
  }

  /** A colleague's note in a conversation of mine. */
  function whispered(conversation: Conversation, note: Message): void {
    if (note.sender_id === session.agent?.id || isLookedAt(conversation.id)) return
    if (viewOf(conversation, session.agent?.id ?? '') !== 'mine') return
    call(conversation.id, t('routing.alert.note', { name: nameOf(conversation) }), note.text ?? '')
  }

  /** A note calls me by name. */
  function mentioned(mention: Mention): void {
    if (!isLookedAt(mention.conversation_id)) call(mention.conversation_id, t('talk.mention.you', { name: mention.by_name }), mention.preview)
  }

  /** Somebody asks me to take a conversation over. */
  function offered(offer: TransferOffer): void {
    call(offer.conversation_id, t('routing.alert.offer', { name: offer.from_agent_name, customer: shownName(offer.customer_name) }), offer.note, 'transfer')
  }

  function assigned(conversation: Conversation): void {
    if (expected.has(conversation.id) || isLookedAt(conversation.id)) return
    call(conversation.id, t('conversations.alert.newConversation', { name: nameOf(conversation) }), conversation.last?.preview ?? '', 'transfer')
  }

  function queued(conversation: Conversation): void {
    call(conversation.id, t('conversations.alert.queued', { name: nameOf(conversation) }), conversation.last?.preview ?? '', 'queue')
  }

  function call(id: Id, title: string, body: string, why: Why = 'message'): void {
    // What waits for a colleague does not call whoever only looks.
    if (view.active.value) return
    if (isQuiet(choices.settings.quiet_hours, new Date(), session.enterprise?.timezone ?? 'Asia/Shanghai')) return
    missed(why)
    if (!choices.settings.desktop || permission.value !== 'granted') return
    // One notification per conversation: a later one takes the place of the earlier.
    const notification = notificationOf(title, { body: body.slice(0, BODY_LENGTH), tag: `qiatan-${id}`, silent: true })
    if (!notification) return
    notification.onclick = () => {
      window.focus()
      notification.close()
      void router.push({ name: 'conversations', params: { id } })
    }
  }

  /** Sounds for something new that came while the line was down, without naming it. */
  function missed(why: Why = 'message'): void {
    const now = Date.now()
    if (view.active.value || now - lastTone < TONE_EVERY_MS) return
    if (isQuiet(choices.settings.quiet_hours, new Date(), session.enterprise?.timezone ?? 'Asia/Shanghai')) return
    lastTone = now
    playSound(choices.settings.sounds[why])
  }

  /** Asks the browser for permission. Only ever called from a click. */
  async function allowDesktop(): Promise<void> {
    permission.value = await Notification.requestPermission()
    notNow()
    if (permission.value === 'granted') await choices.change({ desktop: true }).catch((error: unknown) => toastFailed(error, t('notify.notSaved')))
  }

  function notNow(): void {
    asked.value = true
    window.localStorage.setItem(ASKED_KEY, '1')
  }

  /** What comes by `taking` is no surprise; what comes after it is, also where it brought nothing. */
  async function expecting(id: Id, taking: () => Promise<void>): Promise<void> {
    expected.add(id)
    try {
      await taking()
    } finally {
      expected.delete(id)
    }
  }

  function nameOf(conversation: Conversation): string {
    return customerName(conversation.customer)
  }

  return { mayOffer, message, mentioned, assigned, offered, queued, missed, allowDesktop, notNow, expecting }
})

/** A phone lets only its service worker do so: there the tone calls, and the push message while the page sleeps. */
function notificationOf(title: string, options: NotificationOptions): Notification | null {
  try {
    return new Notification(title, options)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
