import { ApiError, type Me } from '@qiatan/api'
import { computed, ref, shallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { useLocaleChoice } from '../app/useLocaleChoice'
import { currentLocale, t } from '../i18n'
import { safeNext } from '../router'
import { useSession } from '../stores/session'
import { errorText, fieldText } from '../ui/errors'
import { useCountdown } from './useCountdown'

const WAIT_WITHOUT_HEADER_S = 60

/** What sign-in, sign-up and invitation share: one call that answers with `Me`, its failures, the wait after too many tries. */
export function useEntry() {
  const session = useSession()
  const router = useRouter()
  const route = useRoute()
  const chooseLocale = useLocaleChoice()
  const busy = ref(false)
  const error = shallowRef<unknown>(null)
  const wait = useCountdown()

  const throttled = computed(() => wait.left.value > 0)
  const waitText = computed(() => {
    const left = wait.left.value
    if (left < 100) return t('auth.signIn.throttledIn', { seconds: left })
    return t('auth.signIn.throttledInMinutes', { minutes: Math.floor(left / 60), seconds: left % 60 })
  })
  /** What concerns no single field. */
  const general = computed(() => {
    if (error.value === null || throttled.value) return null
    if (error.value instanceof ApiError && error.value.code === 'too_many') return null
    if (error.value instanceof ApiError && error.value.fields.length > 0) return null
    return errorText(error.value)
  })

  function fault(field: string, codes?: Record<string, string>): string | null {
    return fieldText(error.value, field, codes)
  }

  /** A new account speaks the language its owner just read; an old one brings its own. */
  async function enter(call: () => Promise<Me>, account: 'new' | 'known' = 'known'): Promise<void> {
    if (busy.value || throttled.value) return
    const locale = currentLocale()
    busy.value = true
    error.value = null
    try {
      session.accept(await call())
      if (account === 'new') await chooseLocale(locale)
      await router.replace(safeNext(route.query['next']))
    } catch (failure) {
      error.value = failure
      if (failure instanceof ApiError && failure.code === 'too_many') wait.start(failure.retryAfter ?? WAIT_WITHOUT_HEADER_S)
    } finally {
      busy.value = false
    }
  }

  return { busy, error, throttled, waitText, general, fault, enter }
}

/** The token behind `#token=`. It is taken out of the address bar at once, so that it is in no history and no screenshot. */
export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token')
  if (token !== null) window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search)
  return token === null || token === '' ? null : token
}
