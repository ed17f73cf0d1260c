import type { CustomerField } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { useSession } from './session'

/** The fields an enterprise added to its customers' cards, in their order; fetched when a card is first shown and then kept true by `changed` frames. */
export const useCustomerFields = defineStore('customerFields', () => {
  const session = useSession()
  const fields = shallowRef<readonly CustomerField[]>([])
  const loaded = shallowRef(false)
  let asked: Promise<void> | null = null

  async function fetchAll(): Promise<void> {
    fields.value = (await api.customerFields()).items
    loaded.value = true
  }

  /** Fetches everything anew; calls that come while one is on its way share its answer. */
  function load(): Promise<void> {
    asked ??= fetchAll().finally(() => { asked = null })
    return asked
  }

  /** Fetches where nothing is known yet. */
  async function need(): Promise<void> {
    if (!loaded.value) await load()
  }

  onFrame('changed', (frame) => {
    if (loaded.value && frame.object === 'customer_fields') load().catch(reportSurprise)
  })
  onReconnect(() => { if (loaded.value) load().catch(reportSurprise) })
  watch(() => session.enterprise?.id, (now, before) => {
    if (now === before) return
    fields.value = []
    loaded.value = false
  })

  return { fields, loaded, load, need }
})
