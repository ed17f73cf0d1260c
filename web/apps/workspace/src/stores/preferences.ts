import type { Locale } from '@qiatan/api'
import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { watch } from 'vue'
import { browserLocale, isLocale, setLocale } from '../i18n'

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
  watch(
    storedLocale,
    (now) => setLocale(isLocale(now) ? now : browserLocale()),
    { immediate: true },
  )

  function rememberLocale(locale: Locale): void {
    storedLocale.value = locale
  }

  return { theme, rememberLocale }
})
