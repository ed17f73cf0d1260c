import type { MessageKey } from '../../i18n'

/** Where a key works: `view` while nothing is written, `any` also in an input. */
export type Mode = 'view' | 'any'

export type ActionId =
  | 'focus_input' | 'next' | 'previous' | 'end' | 'transfer' | 'tags' | 'replies' | 'card' | 'search' | 'help'
  | 'palette' | 'write_next' | 'write_previous' | 'note'

export interface Action {
  id: ActionId
  mode: Mode
  label: MessageKey
  /** The usual key; each agent may choose another. */
  chord: string
  /** Keys that do the same and stay. */
  also?: readonly string[]
}

/** Everything that a key can do (F07). The overlay, the settings and the listener are drawn from it. */
export const ACTIONS: readonly Action[] = [
  { id: 'focus_input', mode: 'view', label: 'desk.action.focus_input', chord: 'I', also: ['Enter'] },
  { id: 'next', mode: 'view', label: 'desk.action.next', chord: 'J', also: ['ArrowDown'] },
  { id: 'previous', mode: 'view', label: 'desk.action.previous', chord: 'K', also: ['ArrowUp'] },
  { id: 'end', mode: 'view', label: 'desk.action.end', chord: 'E' },
  { id: 'transfer', mode: 'view', label: 'desk.action.transfer', chord: 'T' },
  { id: 'tags', mode: 'view', label: 'desk.action.tags', chord: 'G' },
  { id: 'replies', mode: 'view', label: 'desk.action.replies', chord: 'Q' },
  { id: 'card', mode: 'view', label: 'desk.action.card', chord: 'B' },
  { id: 'search', mode: 'view', label: 'desk.action.search', chord: '/' },
  { id: 'help', mode: 'view', label: 'desk.action.help', chord: '?' },
  { id: 'palette', mode: 'any', label: 'desk.action.palette', chord: 'Mod+K' },
  { id: 'write_next', mode: 'any', label: 'desk.action.next', chord: 'Mod+ArrowDown' },
  { id: 'write_previous', mode: 'any', label: 'desk.action.previous', chord: 'Mod+ArrowUp' },
  { id: 'note', mode: 'any', label: 'desk.action.note', chord: 'Mod+Shift+M' },
]
