/** Whether a key belongs to words that are still being composed. 229 is what some browsers send for the key that ends a composition. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/**
 * While an input method is open its keys are its own: Enter takes its words, Esc its way back, arrows its choice. No field is saved, left,
 * emptied or closed by them, whoever listens. What edits text with form follows compositions itself and is heard first.
 */
export function guardCompositions(view: Window): void {
  view.addEventListener('keydown', (event) => {
    if (isComposing(event) && !isEdited(event.target)) event.stopImmediatePropagation()
  }, { capture: true })
  view.document.body.addEventListener('keydown', (event) => { if (isComposing(event)) event.stopPropagation() })
}

function isEdited(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.isContentEditable
}
