import { useEventListener } from '@vueuse/core'
import { computed, onScopeDispose, shallowReactive } from 'vue'
import { useChoices } from '../../stores/choices'
import { ACTIONS, type ActionId } from './catalogue'
import { actionAt, chordFor, chordOf, isHeld, shownChord } from './chords'

type Handlers = Partial<Record<ActionId, () => void>>

/** Who can do what now; the page that came last is asked. */
const layers = shallowReactive<Handlers[]>([])

function handlerOf(id: ActionId): (() => void) | undefined {
  return layers.findLast((layer) => layer[id] !== undefined)?.[id]
}

/** Says what the page that is open does for these actions, as long as it is. */
export function useActions(handlers: Handlers): void {
  layers.push(handlers)
  onScopeDispose(() => {
    const at = layers.indexOf(handlers)
    if (at >= 0) layers.splice(at, 1)
  })
}

/** What can be done now, for the palette. */
export function possible(): ActionId[] {
  return ACTIONS.map((action) => action.id).filter((id) => handlerOf(id) !== undefined)
}

export function run(id: ActionId): void {
  handlerOf(id)?.()
}

/** The keys as the agent has them. */
export function useKeys() {
  const choices = useChoices()
  const enabled = computed(() => choices.settings.shortcuts.enabled)
  const keys = computed(() => choices.settings.shortcuts.keys)

  function chord(id: ActionId): string {
    const action = ACTIONS.find((one) => one.id === id)
    return action && enabled.value ? chordFor(action, keys.value) : ''
  }

  /** A label with its key behind it, for the hint of a button. */
  function hint(label: string, id: ActionId): string {
    const now = chord(id)
    return now === '' ? label : `${label}  ${shownChord(now)}`
  }

  return { enabled, keys, chord, hint }
}

/** The one listener of the app. Nothing fires while an input method composes, in a dialog, or on a control that uses the key itself. */
export function useKeyListener(): void {
  const { enabled, keys } = useKeys()
  useEventListener(document, 'keydown', (event: KeyboardEvent) => {
    if (!enabled.value || event.defaultPrevented || event.isComposing || event.keyCode === 229) return
    const chord = chordOf(event)
    const action = chord === null ? null : actionAt(chord, keys.value)
    if (chord === null || !action || isDialogShown() || (!isHeld(chord) && isUsed(event, chord))) return
    const handler = handlerOf(action.id)
    if (!handler) return
    event.preventDefault()
    handler()
  })
}

/** Element Plus leaves a closed dialog in the page; only one that is drawn takes the keys. */
export function isDialogShown(): boolean {
  const found = document.querySelectorAll<HTMLElement>('dialog[open], [role="dialog"][aria-modal="true"], .el-overlay-dialog')
  return [...found].some((element) => element.checkVisibility())
}

/** Whether the control with the focus has a use of its own for a key alone. */
function isUsed(event: KeyboardEvent, chord: string): boolean {
  const target = event.target instanceof HTMLElement ? event.target : document.body
  if (target.closest('input, textarea, select, [contenteditable="true"], [role="menu"], [role="listbox"]')) return true
  // The messages and the card scroll with the arrows, tabs and edges use them.
  if (chord.startsWith('Arrow')) return target.closest('[role="log"], [role="tabpanel"][tabindex], [role="tablist"], [role="separator"], [role="group"]') !== null
  // A link to the conversation that is open leads nowhere: Enter goes on to the input.
  return chord === 'Enter' && target.closest('a:not([aria-current="true"]), button, [role="button"], [role="tab"]') !== null
}
