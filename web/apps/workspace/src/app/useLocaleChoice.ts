import type { Locale } from '@qiatan/api'
import { api } from '../api'
import { usePreferences } from '../stores/preferences'
import { useSession } from '../stores/session'
import { toastFailed } from '../ui/toasts'

/** Changes the language at once, and tells the server, so that the next device speaks it too. */
export function useLocaleChoice(): (locale: Locale) => Promise<void> {
  const session = useSession()
  const preferences = usePreferences()
  return async (locale) => {
    preferences.rememberLocale(locale)
    const agent = session.agent
    if (!agent || session.readOnly || agent.locale === locale) return
    try {
      session.accept(await api.changeMe({ locale, version: agent.version }))
    } catch (error) {
      toastFailed(error)
    }
  }
}
