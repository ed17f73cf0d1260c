import { useEventListener } from '@vueuse/core'

export interface Shortcuts {
  step: (by: 1 | -1) => void
  focusInput: () => void
  focusSearch: () => void
  transfer: () => void
  tags: () => void
}

/**
 * The keys of the page. Where the agent writes, only Ctrl+↑ and Ctrl+↓ go to another conversation; elsewhere J, K, the arrows,
 * Enter, I, T, G and / work as well. Nothing fires while an input method composes, in a dialog, or on a control that uses the key itself.
 */
export function useShortcuts(actions: Shortcuts): void {
  useEventListener(document, 'keydown', (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.altKey) return
    if (isDialogShown()) return
    const done = event.ctrlKey || event.metaKey ? withControl(event, actions) : single(event, actions)
    if (done) event.preventDefault()
  })
}

/** Element Plus leaves a closed dialog in the page; only one that is drawn takes the keys. */
function isDialogShown(): boolean {
  const found = document.querySelectorAll<HTMLElement>('dialog[open], [role="dialog"][aria-modal="true"], .el-overlay-dialog')
  return [...found].some((element) => element.checkVisibility())
}

function withControl(event: KeyboardEvent, actions: Shortcuts): boolean {
  if (event.shiftKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return false
  actions.step(event.key === 'ArrowDown' ? 1 : -1)
  return true
}

function single(event: KeyboardEvent, actions: Shortcuts): boolean {
  const target = event.target instanceof HTMLElement ? event.target : document.body
  if (target.closest('input, textarea, select, [contenteditable="true"], [role="menu"], [role="listbox"]')) return false
  switch (event.key) {
    case 'j':
    case 'J':
      actions.step(1)
      return true
    case 'k':
    case 'K':
      actions.step(-1)
      return true
    case 'ArrowDown':
    case 'ArrowUp':
      // The messages and the card scroll with the arrows, tabs and edges use them.
      if (target.closest('[role="log"], [role="tabpanel"][tabindex], [role="tablist"], [role="separator"], [role="group"]')) return false
      actions.step(event.key === 'ArrowDown' ? 1 : -1)
      return true
    case 'Enter':
      if (target.closest('a, button, [role="button"], [role="tab"]')) return false
      actions.focusInput()
      return true
    case 'i':
    case 'I':
      actions.focusInput()
      return true
    case 't':
    case 'T':
      actions.transfer()
      return true
    case 'g':
    case 'G':
      actions.tags()
      return true
    case '/':
      actions.focusSearch()
      return true
    default:
      return false
  }
}
