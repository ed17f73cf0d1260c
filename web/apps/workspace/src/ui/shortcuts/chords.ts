import { ACTIONS, type Action, type ActionId } from './catalogue'

/** What agents chose instead of the usual keys; '' leaves an action without one. */
export type Keys = Readonly<Record<string, string>>

/** Signs that a Chinese keyboard makes with the same keys. */
const SAME: Readonly<Record<string, string>> = { '？': '?', '／': '/', '。': '.', '，': ',', '；': ';' }
const NAMED = /^(?:Enter|Escape|Arrow(?:Up|Down|Left|Right)|F\d{1,2})$/
const SIGN = /^[/?.,;'[\]\\`=-]$/

/** The chord a key press makes, as it is stored; null for keys that mean nothing by themselves. */
export function chordOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string | null {
  const key = SAME[event.key] ?? event.key
  const mod = event.ctrlKey || event.metaKey ? 'Mod+' : ''
  const alt = event.altKey ? 'Alt+' : ''
  // A sign is the sign, with whatever key it takes on this keyboard.
  if (SIGN.test(key)) return `${mod}${alt}${key}`
  const shift = event.shiftKey ? 'Shift+' : ''
  if (/^[a-z0-9]$/i.test(key)) return `${mod}${alt}${shift}${key.toUpperCase()}`
  return NAMED.test(key) ? `${mod}${alt}${shift}${key}` : null
}

export function isHeld(chord: string): boolean {
  return chord.startsWith('Mod+') || chord.startsWith('Alt+')
}

/** The key of an action as it is now; '' for none. */
export function chordFor(action: Action, keys: Keys): string {
  return keys[action.id] ?? action.chord
}

/** Which action a chord means. */
export function actionAt(chord: string, keys: Keys): Action | null {
  return ACTIONS.find((action) => chordFor(action, keys) === chord || action.also?.includes(chord)) ?? null
}

/** What writing and the browser need. */
const TAKEN = new Set([
  'Enter', 'Escape', 'ArrowLeft', 'ArrowRight', 'Mod+Enter', 'Shift+Enter',
  ...['A', 'C', 'F', 'L', 'N', 'P', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z'].map((key) => `Mod+${key}`),
])

export type Refusal = { reason: 'taken' } | { reason: 'held' } | { reason: 'conflict'; with: Action }

/** Why an action cannot have this chord; null when it can. */
export function refusal(id: ActionId, chord: string, keys: Keys): Refusal | null {
  if (TAKEN.has(chord)) return { reason: 'taken' }
  const action = ACTIONS.find((one) => one.id === id)
  // Where one writes, a key alone is a letter.
  if (action?.mode === 'any' && !isHeld(chord)) return { reason: 'held' }
  const other = ACTIONS.find((one) => one.id !== id && (chordFor(one, keys) === chord || one.also?.includes(chord)))
  return other ? { reason: 'conflict', with: other } : null
}

const SHOWN: Readonly<Record<string, string>> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc' }
export const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform)

/** The parts of a chord as keyboards name them. */
export function shownParts(chord: string, mac: boolean = IS_MAC): string[] {
  return chord.split('+').filter((part) => part !== '').map((part) => {
    if (part === 'Mod') return mac ? '⌘' : 'Ctrl'
    if (part === 'Alt') return mac ? '⌥' : 'Alt'
    if (part === 'Shift') return mac ? '⇧' : 'Shift'
    return SHOWN[part] ?? part
  })
}

/** A chord as text, for the hint of a button. */
export function shownChord(chord: string): string {
  return shownParts(chord).join(IS_MAC ? '' : '+')
}
