import type { FirstStep, Onboarding } from '@qiatan/api'
import { computed, shallowRef } from 'vue'
import { api } from '../api'
import { useSession } from '../stores/session'
import { toastFailed } from '../ui/toasts'
import { useLoad } from '../ui/useLoad'

/** The first steps of the enterprise, for who may change it; nobody else asks for them. */
export function useFirstSteps() {
  const session = useSession()
  const state = shallowRef<Onboarding | null>(null)
  const busy = shallowRef(false)
  const may = computed(() => session.can('enterprise.edit'))
  const load = useLoad(async (isLatest) => {
    if (!may.value) return
    const found = await api.onboarding()
    if (isLatest()) state.value = found
  })

  /** True when it was saved. */
  async function skip(steps: FirstStep[]): Promise<boolean> {
    if (steps.length === 0) return true
    busy.value = true
    try {
      state.value = await api.skipSteps(steps)
      return true
    } catch (failure) {
      toastFailed(failure)
      return false
    } finally {
      busy.value = false
    }
  }

  async function skipAll(): Promise<boolean> {
    return skip((state.value?.steps ?? []).filter((one) => !one.done && !one.skipped).map((one) => one.step))
  }

  return { state, busy, may, load, skip, skipAll }
}
