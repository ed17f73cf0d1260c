import { ApiError, type Me, type SecondFactor, type SignInAnswer } from '@qiatan/api'
import { computed, ref, shallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { useLocaleChoice } from '../app/useLocaleChoice'
import { currentLocale, isMessageKey, t } from '../i18n'
import { safeNext } from '../router'
import { useSession } from '../stores/session'
import { errorText, fieldText } from '../ui/errors'
import { PasskeyAbandoned } from './passkeys'
import { useCountdown } from './useCountdown'

const WAIT_WITHOUT_HEADER_S = 60

/** Keeps where to go after sign-in while the browser is at another site. */
const NEXT_KEY = 'qiatan.next'

export function rememberNext(next: unknown): void {
  if (typeof next === 'string') window.sessionStorage.setItem(NEXT_KEY, next)
  else window.sessionStorage.removeItem(NEXT_KEY)
}

function rememberedNext(): string | null {
  const next = window.sessionStorage.getItem(NEXT_KEY)
  window.sessionStorage.removeItem(NEXT_KEY)
  return next
}

function isMe(answer: Me | SignInAnswer): answer is Me {
  return 'agent' in answer
}

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const IPV6 = /^(?=(?:[^:]*:){2})[0-9a-f:]+(?:\d{1,3}(?:\.\d{1,3}){3})?$/i

/** The address a refusal names, or null: whatever the words around it, which belong to the server. */
export function addressIn(message: string): string | null {
  const words = message.split(/[^0-9a-z.:]+/i).map((word) => word.replace(/^\.+|\.+$/g, ''))
  return words.find((word) => IPV4.test(word) || IPV6.test(word)) ?? null
}

/** What all ways in share: a call that answers with who signed in or with what must follow, its failures, the wait after too many tries. */
export function useEntry() {
  const session = useSession()
  const router = useRouter()
  const route = useRoute()
  const chooseLocale = useLocaleChoice()
  const busy = ref(false)
  const error = shallowRef<unknown>(null)
  /** What must follow before anybody is signed in. */
  const second = shallowRef<SecondFactor | null>(null)
  const wait = useCountdown()

  const throttled = computed(() => wait.left.value > 0)
  const waitText = computed(() => {
    const left = wait.left.value
    if (left < 100) return t('auth.signIn.throttledIn', { seconds: left })
    return t('auth.signIn.throttledInMinutes', { minutes: Math.floor(left / 60), seconds: left % 60 })
  })
  const denied = computed(() => error.value instanceof ApiError && error.value.code === 'login_denied')
  /** What the sentence about the failure leaves open. */
  const detail = computed(() => {
    const failure = error.value
    if (!(failure instanceof ApiError)) return undefined
    const address = addressIn(failure.message)
    if (failure.code === 'login_denied') return address === null ? t('auth.denied.hint') : t('auth.denied.hintAddress', { address })
    const key = `auth.detail.${failure.code}`
    return isMessageKey(key) ? t(key) : undefined
  })
  /** What concerns no single field. */
  const general = computed(() => {
    if (error.value === null || throttled.value) return null
    if (error.value instanceof ApiError && error.value.code === 'too_many') return null
    if (error.value instanceof PasskeyAbandoned) return t('own.passkey.abandoned')
    if (error.value instanceof DOMException) return t('own.passkey.impossible')
    if (denied.value) return t('auth.denied.title')
    if (error.value instanceof ApiError && error.value.fields.length > 0) return null
    return errorText(error.value)
  })

  function fault(field: string, codes?: Record<string, string>): string | null {
    return fieldText(error.value, field, codes)
  }

  /** A new account speaks the language its owner just read; an old one brings its own. */
  async function enter(call: () => Promise<Me | SignInAnswer>, account: 'new' | 'known' = 'known'): Promise<void> {
    if (busy.value || throttled.value) return
    const locale = currentLocale()
    busy.value = true
    error.value = null
    try {
      const answer = await call()
      const me = isMe(answer) ? answer : answer.me
      if (me === null) {
        second.value = isMe(answer) ? null : answer.second_factor
        return
      }
      session.accept(me)
      if (account === 'new') await chooseLocale(locale)
      const next = safeNext(route.query['next'] ?? rememberedNext())
      if (session.followsAnother()) window.location.assign(router.resolve(next).href)
      else await router.replace(next)
    } catch (failure) {
      error.value = failure
      if (failure instanceof ApiError && failure.code === 'too_many') wait.start(failure.retryAfter ?? WAIT_WITHOUT_HEADER_S)
    } finally {
      busy.value = false
    }
  }

  return { busy, error, second, throttled, waitText, general, detail, denied, fault, enter }
}

/** The token behind `#token=`. It is taken out of the address bar at once, so that it is in no history and no screenshot. */
export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token')
  if (token !== null) window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search)
  return token === null || token === '' ? null : token
}
