import type { CustomerField } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { oneAtATime } from './oneAtATime'
import { useSession } from './session'

/** The fields an enterprise added to its customers' cards, in their order; fetched when a card is first shown and then kept true by `changed` frames. */
export const useCustomerFields = defineStore('customerFields', () => {
  const session = useSession()
  const fields = shallowRef<readonly CustomerField[]>([])
  const loaded = shallowRef(false)

  const everything = oneAtATime(async () => {
    fields.value = (await api.customerFields()).items
    loaded.value = true
  })

  /** Fetches everything as it is from now on. */
  function load(): Promise<void> {
    return everything.anew()
  }

  /** An answer that is on its way may be older than a change, the first one too. */
  function isFollowed(): boolean {
    return loaded.value || everything.isUnderway()
  }

  /** Fetches where nothing is known yet. */
  async function need(): Promise<void> {
    if (!loaded.value) await everything.shared()
  }

  onFrame('changed', (frame) => {
    if (isFollowed() && frame.object === 'customer_fields') load().catch(reportSurprise)
  })
  onReconnect(() => { if (isFollowed()) load().catch(reportSurprise) })
  watch(() => session.enterprise?.id, (now, before) => {
    if (now === before) return
    fields.value = []
    loaded.value = false
  })

  return { fields, loaded, load, need }
})
