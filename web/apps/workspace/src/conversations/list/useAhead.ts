import type { Id } from '@qiatan/api'
import { useDocumentVisibility } from '@vueuse/core'
import { computed, onScopeDispose, watch, type Ref } from 'vue'
import { live } from '../../live'
import { painted, whenIdle } from '../../ui/painted'
import { useThread } from '../stores/thread'
import { neighbour } from './rows'

/** Who opens a row rests on it for longer than who passes over it. */
const REST_MS = 80

/**
 * Fetches what will likely be opened next while nothing else is to be done: the neighbours of the conversation on the screen, the few that stand first
 * among one's own (`first`), and the row on which the pointer or the focus rests. One at a time, and never for a page that nobody sees or that has no
 * line. A row that is pressed is asked for at once.
 */
export function useAhead(ids: Readonly<Ref<readonly Id[]>>, first: Readonly<Ref<readonly Id[]>>) {
  const thread = useThread()
  const visibility = useDocumentVisibility()
  let wanted: Id[] = []
  let isBusy = false
  let stopWaiting: (() => void) | null = null
  let resting: ReturnType<typeof setTimeout> | undefined

  const neighbours = computed(() => {
    const of = thread.id
    const both = [neighbour(ids.value, of, 1), of === null ? null : neighbour(ids.value, of, -1)]
    return both.filter((one): one is Id => one !== null && one !== of)
  })

  const likely = computed(() => [...new Set([...neighbours.value, ...first.value])].filter((one) => one !== thread.id))

  function mayAsk(): boolean {
    return visibility.value === 'visible' && live.state.value === 'open' && thread.phase !== 'loading'
  }

  function goOn(): void {
    if (isBusy || stopWaiting || wanted.length === 0 || !mayAsk()) return
    stopWaiting = whenIdle(() => void askNext())
  }

  async function askNext(): Promise<void> {
    stopWaiting = null
    const next = mayAsk() ? wanted.shift() : undefined
    if (next === undefined) return
    isBusy = true
    try {
      await thread.prefetch(next)
    } finally {
      isBusy = false
    }
    goOn()
  }

  function pass(): void {
    clearTimeout(resting)
  }

  /** The pointer or the focus has come to a row. */
  function rest(id: Id): void {
    pass()
    resting = setTimeout(() => {
      wanted = [id, ...wanted.filter((one) => one !== id)]
      goOn()
    }, REST_MS)
  }

  /** The button went down on a row: what it opens is on its way while the button comes up again. */
  function press(id: Id): void {
    pass()
    void thread.prefetch(id)
  }

  watch([() => likely.value.join(), () => thread.phase], async () => {
    wanted = likely.value
    await painted()
    goOn()
  }, { immediate: true })
  watch([visibility, live.state], goOn)
  onScopeDispose(() => {
    pass()
    stopWaiting?.()
    wanted = []
  })

  return { rest, pass, press }
}
