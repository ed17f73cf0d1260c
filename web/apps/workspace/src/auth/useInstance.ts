import type { Instance } from '@qiatan/api'
import { shallowRef } from 'vue'
import { api } from '../api'
import { reportSurprise } from '../ui/report'

const instance = shallowRef<Instance | null>(null)
let asked: Promise<Instance> | null = null

/** What this installation offers to strangers; asked once per page. Null until known, and where it could not be asked. */
export function useInstance() {
  async function load(): Promise<Instance> {
    asked ??= api.instance()
    try {
      instance.value = await asked
      return instance.value
    } catch (error) {
      asked = null
      throw error
    }
  }
  // The sign-in form works without the answer: it only shows the version and the way to sign up.
  load().catch(reportSurprise)
  return { instance, load }
}
