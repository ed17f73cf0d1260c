import type { Conversation, ConversationView } from '@qiatan/api'
import { createSharedComposable } from '@vueuse/core'
import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import { live, onReconnect } from '../../live'
import { useSession } from '../../stores/session'
import { whenIdle } from '../../ui/painted'
import { useClock } from '../layout/useClock'
import { useWords } from '../layout/useWords'
import { dayName } from '../model/time'
import { useDirectory } from '../stores/directory'
import { useRouting } from '../stores/routing'
import { NO_FILTER, type Filter } from '../model/filter'
import { useMentions } from '../stores/mentions'
import { useThread } from '../stores/thread'
import { listRows, rowIds, type Tab } from './rows'
import { useSearch } from './useSearch'

/** The list as it is shown: the chosen tab, what is searched, its rows. One for the page, so that the keyboard walks what the eye sees. */
export const useList = createSharedComposable(() => {
  const session = useSession()
  const directory = useDirectory()
  const routing = useRouting()
  const mentions = useMentions()
  const thread = useThread()
  const now = useClock()
  const { zone, agentName } = useWords()
  const tab = shallowRef<Tab>('mine')
  const query = shallowRef('')
  const filter = shallowRef<Filter>(NO_FILTER)
  const search = useSearch(query)

  const tabs = computed<Tab[]>(() => {
    const all: Tab[] = ['mine']
    if (session.can('conversations.take')) all.push('queue')
    if (session.can('conversations.view_colleagues')) all.push('colleagues')
    return all
  })
  const list = computed(() => directory.lists[tab.value])
  const minute = computed(() => Math.floor(now.value / 60_000) * 60_000)
  const rows = computed(() => listRows({
    tab: tab.value,
    conversations: directory.rows(tab.value),
    ended: directory.rows('ended'),
    routings: routing.known,
    query: query.value,
    filter: filter.value,
    currentId: thread.id,
    mentionsOf: mentions.countOf,
    found: search.phase.value === 'idle' ? null : search.found.value,
    now: minute.value,
    zone: zone.value,
    agentName,
  }))
  const ids = computed(() => rowIds(rows.value))

  function choose(next: Tab): void {
    tab.value = next
  }

  /** Whether the list of ended conversations may hold more of today. */
  const endedHasMore = computed(() => {
    const last: Conversation | undefined = directory.rows('ended').at(-1)
    return directory.lists.ended.next !== null && Boolean(last?.ended_at) && dayName(last?.ended_at ?? '', minute.value, zone.value) === 'today'
  })

  /** Below what is open of mine stands what ended today: once all of the former is here, further pages are of the latter. */
  const furtherView = computed<ConversationView>(() => (tab.value === 'mine' && list.value.next === null && endedHasMore.value ? 'ended' : tab.value))
  /** The list that the next page comes from. */
  const further = computed(() => directory.lists[furtherView.value])

  async function loadMore(): Promise<void> {
    await directory.loadMore(furtherView.value)
  }

  async function reload(): Promise<void> {
    await directory.load(tab.value)
  }

  watch(tab, (next, before) => {
    if (before === 'colleagues') live.unsubscribe('colleagues')
    if (next === 'colleagues') live.subscribe('colleagues')
    if (next !== 'mine' || directory.lists.mine.phase === 'failed') void directory.load(next)
  })
  onScopeDispose(() => live.unsubscribe('colleagues'))
  let stopWaiting: (() => void) | undefined
  watch(() => session.agent?.id, (agentId) => {
    stopWaiting?.()
    tab.value = 'mine'
    query.value = ''
    filter.value = NO_FILTER
    // Below what is open, and asked for behind it.
    if (agentId) stopWaiting = whenIdle(() => { if (directory.lists.ended.phase === 'idle') void directory.load('ended') })
  }, { immediate: true })
  onScopeDispose(() => stopWaiting?.())
  onReconnect(() => { if (directory.lists.ended.phase === 'failed') void directory.load('ended') })
  watch(tabs, (now) => { if (!now.includes(tab.value)) tab.value = 'mine' })

  return { tab, tabs, query, filter, search, list, further, rows, ids, endedHasMore, choose, loadMore, reload }
})
