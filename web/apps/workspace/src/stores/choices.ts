import { ApiError, type Preferences, type PreferencesShown } from '@qiatan/api'
import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { api } from '../api'
import { onFrame, onReconnect } from '../live'
import { reportSurprise } from '../ui/report'
import { view } from '../view'
import { useSession } from './session'

/** What holds until the server has said otherwise. */
const DEFAULTS: Preferences = {
  send_mode: 'enter',
  insert_replies: false,
  shortcuts: { enabled: true, keys: {} },
  sounds: { message: 'chime', transfer: 'bell', queue: 'drop' },
  desktop: false,
  quiet_hours: { enabled: false, start: '22:00', until: '08:00', days: [1, 2, 3, 4, 5, 6, 7] },
  push_preview: true,
}

/** A change, or how one is made of what is stored by then: two that follow each other quickly must not undo each other inside one setting. */
export type Choice = Partial<Preferences> | ((now: Preferences) => Partial<Preferences>)

/** What the signed-in agent prefers, on every device. (What only this browser remembers is in `preferences`.) */
export const useChoices = defineStore('choices', () => {
  const session = useSession()
  const shown = shallowRef<PreferencesShown | null>(null)
  /** As it was here last: whoever types before the answer is in must not send half a message with the key that breaks their lines. */
  const sendMode = useLocalStorage<Preferences['send_mode']>('qiatan.sendMode', DEFAULTS.send_mode)
  const settings = computed<Preferences>(() => shown.value?.settings ?? { ...DEFAULTS, send_mode: sendMode.value })
  const loaded = computed(() => shown.value !== null)
  /** One change at a time: each is made on what the one before left. */
  let line: Promise<unknown> = Promise.resolve()

  async function load(): Promise<void> {
    const mine = session.agent?.id
    const answer = await api.preferences()
    if (session.agent?.id === mine && answer.version >= (shown.value?.version ?? 0)) shown.value = answer
  }

  /** Saves a change, on top of what another page of mine saved meanwhile. Throws `ApiError`; nothing is shown as saved before it is. */
  function change(patch: Choice): Promise<void> {
    const next = line.then(() => save(patch))
    line = next.catch(() => undefined)
    return next
  }

  async function save(patch: Choice): Promise<void> {
    if (!shown.value) await load()
    try {
      await put(patch)
    } catch (failure) {
      if (!(failure instanceof ApiError) || failure.code !== 'version_conflict') throw failure
      await load()
      await put(patch)
    }
  }

  async function put(patch: Choice): Promise<void> {
    const now = settings.value
    shown.value = await api.savePreferences({ ...now, ...(typeof patch === 'function' ? patch(now) : patch) }, shown.value?.version ?? 0)
  }

  function loadQuietly(): void {
    // Without them the defaults hold until the next frame or reconnect.
    if (session.agent && !session.mustEnrol) load().catch(reportSurprise)
  }

  watch(() => [session.agent?.id, session.mustEnrol] as const, ([now], before) => {
    if (now !== before?.[0]) shown.value = null
    loadQuietly()
  }, { immediate: true })
  watch(() => settings.value.send_mode, (now) => { if (loaded.value && !view.active.value) sendMode.value = now })
  onFrame('changed', (frame) => {
    if (frame.object === 'preferences' && frame.version > (shown.value?.version ?? 0)) loadQuietly()
  })
  onReconnect(loadQuietly)

  return { settings, loaded, load, change }
})
