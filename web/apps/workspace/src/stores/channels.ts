import type { Channel, Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { oneAtATime } from './oneAtATime'
import { useSession } from './session'

/** The enterprise's web channels, kept true by `changed` frames once a page has asked for them. */
export const useChannels = defineStore('channels', () => {
  const session = useSession()
  const all = shallowRef<Channel[]>([])
  const loaded = shallowRef(false)
  const web = computed(() => all.value.filter((one) => one.kind === 'web'))

  function channel(id: Id): Channel | null {
    return all.value.find((one) => one.id === id) ?? null
  }

  const everything = oneAtATime(async () => {
    const of = session.agent?.id
    const found = await api.channels()
    if (session.agent?.id !== of) return
    // What was saved here while the answer was on its way is newer than the answer.
    all.value = found.map((one) => {
      const known = channel(one.id)
      return known && known.version > one.version ? known : one
    })
    loaded.value = true
  })

  /** Fetches all of them as they are from now on. */
  function load(): Promise<void> {
    return everything.anew()
  }

  /** An answer that is on its way may be older than a change, the first one too. */
  function isFollowed(): boolean {
    return loaded.value || everything.isUnderway()
  }

  function accept(item: Channel): void {
    const known = channel(item.id)
    if (known && known.version > item.version) return
    all.value = known ? all.value.map((one) => (one.id === item.id ? item : one)) : [...all.value, item]
  }

  async function fetchOne(id: Id): Promise<void> {
    accept(await api.channel(id))
  }

  onFrame('changed', (frame) => {
    if (frame.object !== 'channel' || !isFollowed() || !session.can('channels.view')) return
    // All of them that are on their way may be older than this change, and would overwrite it.
    if ((channel(frame.id)?.version ?? 0) < frame.version) (everything.isUnderway() ? everything.anew() : fetchOne(frame.id)).catch(reportSurprise)
  })
  onReconnect(() => {
    if (isFollowed() && session.can('channels.view')) load().catch(reportSurprise)
  })

  return { all, web, loaded, channel, load, accept, fetchOne }
})
