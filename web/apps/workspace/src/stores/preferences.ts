import type { Locale } from '@qiatan/api'
import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { watch } from 'vue'
import { browserLocale, currentLocale, isLocale, setLocale } from '../i18n'
import { reportSurprise } from '../ui/report'

export type Theme = 'system' | 'light' | 'dark'

/** What this browser remembers, for whoever sits at it. */
export const usePreferences = defineStore('preferences', () => {
  const theme = useLocalStorage<Theme>('qiatan.theme', 'system')
  const storedLocale = useLocalStorage<string>('qiatan.locale', '')

  watch(
    theme,
    (now) => {
      const root = document.documentElement
      if (now === 'light' || now === 'dark') root.dataset['theme'] = now
      else delete root.dataset['theme']
    },
    { immediate: true },
  )
  let speaking = Promise.resolve()
  watch(
    storedLocale,
    (now) => {
      speaking = setLocale(isLocale(now) ? now : browserLocale())
      // The page stays in the language it has; whoever starts the page waits for the same promise.
      speaking.catch(reportSurprise)
    },
    { immediate: true },
  )

  watch(currentLocale, (now) => { document.documentElement.lang = now }, { immediate: true })

  function rememberLocale(locale: Locale): void {
    storedLocale.value = locale
  }

  /** Settles when the chosen language is spoken: nothing can be shown before. */
  function ready(): Promise<void> {
    return speaking
  }

  return { theme, rememberLocale, ready }
})
