import type { Id } from '@qiatan/api'
import { nextTick, shallowRef, watch, type Ref } from 'vue'
import { useRoute } from 'vue-router'
import type { Block } from '../model/blocks'
import type { ThreadItem } from '../model/thread'
import { useThread } from '../stores/thread'
import type { ThreadScroll } from './useScroll'
import type { ThreadWindow } from './useWindow'

/** How long a message that was jumped to stands out, in milliseconds. */
const MARKED_MS = 1_600

/** Brings a message into view that was found, quoted or named in the address, and marks it for a moment. */
export function useJump(id: () => Id, blocks: Readonly<Ref<readonly Block[]>>, around: ThreadWindow, scroll: ThreadScroll) {
  const thread = useThread()
  const route = useRoute()
  const marked = shallowRef<string | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined

  /** Answers whether the message is in view now. */
  async function jump(of: Id, seq: number): Promise<boolean> {
    if (!await thread.reach(of, seq)) return false
    await nextTick()
    const key = blocks.value.find((block) => block.items.some((item) => holds(item, of, seq)))?.key
    if (key === undefined) return false
    around.draw(key)
    await nextTick()
    scroll.leaveEnd()
    const selector = `[data-conversation="${CSS.escape(of)}"][data-seq="${seq}"]`
    if (!scroll.toElement(selector)) return false
    // What lies around it is drawn only now, at its true height.
    await nextTick()
    scroll.toElement(selector)
    marked.value = `${of} ${seq}`
    clearTimeout(timer)
    timer = setTimeout(() => { marked.value = null }, MARKED_MS)
    return true
  }

  /** What the list or the address asks for; answers whether there was anything. */
  function wanted(): number | null {
    const asked = thread.wanted
    if (asked?.id === id()) {
      thread.wanted = null
      return asked.seq
    }
    return null
  }

  /** The message the address names, looked at once when the conversation opens. */
  function addressed(): number | null {
    const seq = Number(route.query['at'])
    return Number.isSafeInteger(seq) && seq > 0 ? seq : null
  }

  watch(() => thread.wanted, () => {
    if (thread.phase !== 'ready') return
    const seq = wanted()
    if (seq !== null) void jump(id(), seq)
  })

  return { jump, wanted, addressed, marked }
}

function holds(item: ThreadItem, of: Id, seq: number): boolean {
  if (item.type === 'group') return item.entries.some(({ message }) => message?.seq === seq && message.conversation_id === of)
  return (item.type === 'event' || item.type === 'withdrawn' || item.type === 'note') && item.message.seq === seq && item.message.conversation_id === of
}
