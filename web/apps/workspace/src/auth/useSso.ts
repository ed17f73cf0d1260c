import { ApiError, type OidcShown } from '@qiatan/api'
import { shallowRef } from 'vue'
import { useRoute } from 'vue-router'
import { api } from '../api'
import { reportSurprise } from '../ui/report'

/** The enterprise whose identity provider this browser signs in by. */
const KEY = 'qiatan.sso'

/** The provider named by `?sso=` of the address, or by an earlier one; null where there is none, or it is gone. */
export function useSso() {
  const route = useRoute()
  const given = route.query['sso']
  const enterprise = typeof given === 'string' && given !== '' ? given : window.localStorage.getItem(KEY)
  const provider = shallowRef<OidcShown | null>(null)

  async function load(id: string): Promise<void> {
    try {
      provider.value = await api.oidcOf(id)
      window.localStorage.setItem(KEY, id)
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 422)) throw error
      window.localStorage.removeItem(KEY)
    }
  }

  // Without the answer the password still signs in.
  if (enterprise !== null) load(enterprise).catch(reportSurprise)
  return { provider }
}
