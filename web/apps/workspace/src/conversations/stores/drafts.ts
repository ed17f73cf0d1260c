import { ApiError, type Id } from '@qiatan/api'
import type { Draft } from '@qiatan/live'
import { useEventListener } from '@vueuse/core'
import { defineStore } from 'pinia'
import { shallowReactive, shallowRef, watch } from 'vue'
import { api } from '../../api'
import { live } from '../../live'
import { reportSurprise } from '../../ui/report'
import { Drafts } from '../model/drafts'

/** Writing to the browser's storage is left out of every key press. */
const KEEP_AFTER_MS = 300
/** The other devices are told when the agent pauses. */
const TELL_AFTER_MS = 1_500
const NOTE = 'note-'
/** The server takes no longer one. */
const MOST = 5_000

/** A note has a draft of its own: what was meant for colleagues must not go out when the mode changes. */
export function draftKey(of: Id, note: boolean): string {
  return note ? NOTE + of : of
}

/** What was written and not sent, by conversation; over reloads of the page and on the agent's other devices. */
export const useDrafts = defineStore('drafts', () => {
  const texts = shallowReactive(new Map<string, string>())
  /** False from the moment the browser refused to keep one. */
  const kept = shallowRef(true)
  /** Whose drafts these are; null until they are here. */
  const owner = shallowRef<Id | null>(null)
  const times = new Map<string, number>()
  /** Written here and not kept in the browser yet; not told to the server yet. */
  const unkept = new Set<string>()
  const untold = new Set<string>()
  /** When what the server has of a draft was written. What it refused is not among it. */
  const told = new Map<string, number>()
  let drafts: Drafts | null = null
  let keeping: ReturnType<typeof setTimeout> | undefined
  let telling: ReturnType<typeof setTimeout> | undefined

  const present = (): number => Date.now() + live.ahead.value

  function open(agentId: Id): void {
    drafts = new Drafts(window.localStorage, agentId, present)
    texts.clear()
    times.clear()
    told.clear()
    for (const [key, { text, at, synced }] of drafts.all()) {
      texts.set(key, text)
      times.set(key, at)
      if (synced) told.set(key, at)
      else untold.add(key)
    }
    owner.value = agentId
  }

  function read(key: string): string {
    return texts.get(key) ?? ''
  }

  function write(key: string, text: string): void {
    put(key, text, present())
    unkept.add(key)
    untold.add(key)
    clearTimeout(keeping)
    keeping = setTimeout(keep, KEEP_AFTER_MS)
    clearTimeout(telling)
    // What was sent is taken from the other devices at once.
    telling = setTimeout(() => void tell(), text === '' ? 0 : TELL_AFTER_MS)
  }

  function put(key: string, text: string, at: number): void {
    if (text === '') texts.delete(key)
    else texts.set(key, text)
    times.set(key, at)
  }

  function keep(): void {
    for (const key of unkept) kept.value = drafts?.write(key, read(key), times.get(key), isTold(key)) ?? false
    unkept.clear()
  }

  function isTold(key: string): boolean {
    return times.has(key) && told.get(key) === times.get(key)
  }

  /** Tells the server what was written here since. Without a line it is told when there is one again. */
  async function tell(): Promise<void> {
    const mine = drafts
    for (const key of [...untold]) {
      if (drafts !== mine || mine === null || live.state.value !== 'open') return
      const at = times.get(key) ?? present()
      untold.delete(key)
      try {
        await api.keepDraft(key.replace(NOTE, ''), bodyOf(key, at))
        if (drafts === mine) told.set(key, at)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        // A conversation that is no longer ours keeps its draft here; a failed line tries again.
        if (drafts === mine && (error.status === 0 || error.status === 429 || error.status >= 500)) untold.add(key)
      }
      if (drafts === mine && times.get(key) === at) unkept.add(key)
    }
    keep()
  }

  /** The server knows one draft of a conversation: where one of the two was emptied, the other stands for it. */
  function bodyOf(key: string, at: number): { text: string; note: boolean; at: string } {
    const note = key.startsWith(NOTE)
    const other = draftKey(key.replace(NOTE, ''), !note)
    const isOther = read(key) === '' && read(other) !== ''
    return { text: read(isOther ? other : key).slice(0, MOST), note: isOther ? !note : note, at: new Date(at).toISOString() }
  }

  /** Takes what was written on another device, unless something newer stands here. */
  function accept({ conversation_id, note, text, at }: Draft): void {
    const key = draftKey(conversation_id, note)
    const moment = Date.parse(at)
    if (moment <= (times.get(key) ?? 0) || untold.has(key)) return
    put(key, text, moment)
    told.set(key, moment)
    unkept.add(key)
    keep()
  }

  /** Brings this browser in step: what other devices wrote, what they sent meanwhile, and what was written here without a line. */
  async function load(): Promise<void> {
    const mine = drafts
    if (mine === null) return
    // What is written, or told, while the answer is on its way may not be in it yet.
    const known = [...mine.all()].filter(([key, { synced }]) => synced && !untold.has(key))
    try {
      const found = await api.drafts()
      if (drafts !== mine) return
      const there = new Set(found.map((one) => draftKey(one.conversation_id, one.note)))
      const conversations = new Set(found.map((one) => one.conversation_id))
      for (const [key, { at }] of known) {
        // The other of the two drafts of a conversation is not known to the server.
        if (!there.has(key) && !conversations.has(key.replace(NOTE, '')) && (times.get(key) ?? at) === at) {
          put(key, '', present())
          unkept.add(key)
        }
      }
      found.forEach(accept)
      keep()
      await tell()
    } catch (error) {
      if (!(error instanceof ApiError)) reportSurprise(error)
    }
  }

  function reset(): void {
    keep()
    clearTimeout(keeping)
    clearTimeout(telling)
    drafts = null
    owner.value = null
    texts.clear()
    times.clear()
    unkept.clear()
    untold.clear()
    told.clear()
  }

  useEventListener(window, 'pagehide', keep)
  useEventListener(document, 'visibilitychange', () => {
    if (document.visibilityState !== 'hidden') return
    keep()
    void tell()
  })
  watch(live.state, (state) => { if (state === 'open' && untold.size > 0) void tell() })

  return { texts, kept, owner, open, read, write, accept, load, reset }
})
