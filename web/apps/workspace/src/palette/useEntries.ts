import type { ApiError, Conversation } from '@qiatan/api'
import { Circle, Keyboard, Languages, MessageSquare, Palette, SlidersHorizontal, SquareArrowOutUpRight, Tag, UserRound, Zap } from '@lucide/vue'
import { computed, onMounted, type Component, type ComputedRef, type Ref } from 'vue'
import { useRouter } from 'vue-router'
import { useLocaleChoice } from '../app/useLocaleChoice'
import { useLastLine } from '../conversations/list/useRowText'
import { useSearch } from '../conversations/list/useSearch'
import { customerName as nameOf } from '../conversations/layout/customerName'
import { useWords } from '../conversations/layout/useWords'
import { viewOf } from '../conversations/model/lists'
import { useDirectory } from '../conversations/stores/directory'
import { useThread } from '../conversations/stores/thread'
import { hasJoined } from '../conversations/thread/actions'
import { LOCALES, t } from '../i18n'
import { useReplies } from '../replies/store'
import { useSending } from '../replies/useSending'
import { lineOf } from '../replies/words'
import { opens, TREE } from '../settings/tree'
import { usePreferences, type Theme } from '../stores/preferences'
import { STATUSES, usePresence } from '../stores/presence'
import { useSession } from '../stores/session'
import { useTags } from '../stores/tags'
import { ACTIONS } from '../ui/shortcuts/catalogue'
import { possible, run, useKeys } from '../ui/shortcuts/keys'
import { reportSurprise } from '../ui/report'
import { toastFailed } from '../ui/toasts'
import { best } from './rank'
import { usePeople } from './usePeople'

export interface Entry {
  key: string
  label: string
  icon: Component
  /** What stands behind the name, piece by piece. */
  notes: readonly string[]
  chord: string
  words?: readonly string[]
  run: () => void
}

export interface Section {
  id: 'pages' | 'settings' | 'conversations' | 'customers' | 'replies' | 'tags' | 'found' | 'actions'
  entries: Entry[]
}

const MOST = 8
/** Before anything is typed: a glance, not the whole house. */
const MOST_AT_FIRST = 5
const THEMES: readonly Theme[] = ['system', 'light', 'dark']
/** Of no use from a list: it is open, or only makes sense while writing. */
const LEFT_OUT = new Set(['palette', 'write_next', 'write_previous'])

/** What can be reached from anywhere, found by what is typed: pages and settings by right, conversations, quick replies, tags, actions. */
export function useEntries(query: Readonly<Ref<string>>): {
  sections: ComputedRef<Section[]>; waiting: ComputedRef<boolean>; error: ComputedRef<ApiError | null>
} {
  const router = useRouter()
  const session = useSession()
  const presence = usePresence()
  const preferences = usePreferences()
  const directory = useDirectory()
  const { customerName, short } = useWords()
  const lastLine = useLastLine()
  const { chord } = useKeys()
  const chooseLocale = useLocaleChoice()
  const thread = useThread()
  const replies = useReplies()
  const tags = useTags()
  const { use } = useSending()
  const serves = computed(() => session.can('conversations.serve'))
  const asked = computed(() => (serves.value ? query.value : ''))
  const search = useSearch(asked)
  const people = usePeople(asked)

  function go(to: string): () => void {
    return () => void router.push(to)
  }

  /** The list shows what has this tag; what is on the screen stays there. */
  function narrow(tag: string): void {
    const { name, params } = router.currentRoute.value
    void router.push({ name: 'conversations', params: name === 'conversations' ? params : {}, query: { list: 'mine', tag } })
  }

  const pages = computed<Entry[]>(() => ['home', 'conversations', 'settings', ...(session.can('enterprise.edit') ? ['onboarding'] : [])].flatMap((name) => {
    const route = router.getRoutes().find((one) => one.meta.title !== undefined && (one.name === name || one.path === `/${name}`))
    const title = route?.meta.title
    return route && title ? [entry(`page-${name}`, t(title), name === 'conversations' ? MessageSquare : SquareArrowOutUpRight, go(`/${name}`))] : []
  }))
  const settings = computed<Entry[]>(() => TREE.flatMap((group) => group.items.filter((item) => opens(item, session.can)).map((item) => ({
    ...entry(`settings-${item.to}`, t(item.label), SlidersHorizontal, go(item.to)), notes: [t(group.label)], words: item.holds.map((one) => t(one)),
  }))))
  const conversations = computed<Entry[]>(() => (serves.value ? directory.mine.map(ofConversation) : []))
  const found = computed<Entry[]>(() => search.found.value.map(({ conversation, hits }) => {
    const one = ofConversation(conversation)
    return hits[0] ? { ...one, notes: [hits[0].snippet] } : one
  }))
  /** Their last conversation opens, with the card beside it. */
  const customers = computed<Entry[]>(() => people.found.value.map(({ customer, conversation_id }) => ({
    ...entry(`customer-${customer.id}`, nameOf(customer), UserRound, go(`/conversations/${conversation_id}?panel=card`)),
    notes: customer.phone || customer.email
      ? [customer.phone, customer.email].flatMap((one) => one || [])
      : [t('desk.palette.lastSeen', { time: short(customer.last_seen_at, Date.now()) })],
  })))
  /** Where the conversation on the screen is mine to answer. */
  const answered = computed<Conversation | null>(() => {
    const shown = thread.conversation
    const me = session.agent?.id ?? ''
    return shown && !session.readOnly && (viewOf(shown, me) === 'mine' || hasJoined(shown, me)) ? shown : null
  })
  /** Into the input of the conversation on the screen; without one, to where it is kept. */
  const texts = computed<Entry[]>(() => (serves.value && query.value.trim() !== '' ? replies.search.find(query.value, MOST, replies.lastUsed) : []).map(({ reply }) => {
    const into = answered.value
    const kept = reply.group_id ?? `${reply.owner}-none`
    return { ...entry(`reply-${reply.id}`, reply.title, Zap, () => (into ? void use(reply, into, 'insert') : go(`/settings/replies/${kept}`)())), notes: [lineOf(reply.text)] }
  }))
  /** My conversations with this tag; a tag of customers leads to where they are kept. */
  const marks = computed<Entry[]>(() => tags.catalogue.tags.flatMap((tag) => {
    const isOfCustomers = tag.kind === 'customer'
    if (isOfCustomers ? !session.can('tags.edit') : !serves.value) return []
    return [{
      ...entry(`tag-${tag.id}`, tag.name, Tag, isOfCustomers ? go('/settings/tags') : () => narrow(tag.id)),
      notes: [t(isOfCustomers ? 'desk.palette.tagCustomer' : 'desk.palette.tagConversation')],
    }]
  }))
  onMounted(() => {
    if (serves.value) replies.ensure()
    if (serves.value || session.can('tags.edit')) tags.need().catch(reportSurprise)
  })

  const actions = computed<Entry[]>(() => [
    ...ACTIONS.filter((action) => possible().includes(action.id) && !LEFT_OUT.has(action.id)).map((action) => ({
      ...entry(`action-${action.id}`, t(action.label), Keyboard, () => run(action.id)), chord: chord(action.id),
    })),
    ...(serves.value && !session.readOnly ? STATUSES.map((status) =>
      entry(`status-${status}`, t('desk.palette.status', { status: t(`common.status.${status}`) }), Circle, () => void presence.setStatus(status).catch(toastFailed))) : []),
    ...THEMES.map((theme) => entry(`theme-${theme}`, t('desk.palette.theme', { theme: t(`common.theme.${theme}`) }), Palette, () => { preferences.theme = theme })),
    ...LOCALES.map((locale) => entry(`locale-${locale.id}`, t('desk.palette.language', { language: locale.name }), Languages, () => void chooseLocale(locale.id))),
  ])

  function ofConversation(conversation: Conversation): Entry {
    const at = conversation.last?.at
    return {
      ...entry(`conversation-${conversation.id}`, customerName(conversation), MessageSquare, go(`/conversations/${conversation.id}`)),
      notes: at ? [lastLine(conversation), short(at, Date.now())] : [lastLine(conversation)],
    }
  }

  const sections = computed<Section[]>(() => {
    const typed = query.value.trim() !== ''
    const most = typed ? MOST : MOST_AT_FIRST
    const named = best(conversations.value, query.value, most)
    // What is shown by its name already is not shown again for its messages.
    const listed = new Set(named.map((one) => one.key))
    const all: Section[] = [
      { id: 'conversations', entries: named },
      { id: 'customers', entries: typed ? customers.value.slice(0, MOST) : [] },
      { id: 'pages', entries: best(pages.value, query.value, most) },
      { id: 'settings', entries: typed ? best(settings.value, query.value, most) : [] },
      { id: 'replies', entries: texts.value },
      { id: 'tags', entries: typed ? best(marks.value, query.value, most) : [] },
      { id: 'actions', entries: best(actions.value, query.value, most) },
      { id: 'found', entries: typed ? found.value.filter((one) => !listed.has(one.key)).slice(0, MOST) : [] },
    ]
    return all.filter((section) => section.entries.length > 0)
  })
  const waiting = computed(() => search.phase.value === 'waiting' || people.waiting.value)
  const error = computed(() => (search.phase.value === 'failed' ? search.error.value : people.error.value))
  return { sections, waiting, error }
}

function entry(key: string, label: string, icon: Component, then: () => void): Entry {
  return { key, label, icon, notes: [], chord: '', run: then }
}
