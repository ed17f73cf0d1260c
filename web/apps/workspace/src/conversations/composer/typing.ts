/** Puts a text where the caret is, as if it had been typed: undoing takes it back, and the caret stays in view. The field tells of it itself. */
export function typeInto(area: HTMLTextAreaElement, text: string): void {
  area.focus()
  if (!edited(area, 'insertText', text)) replace(area, text, 'insertText')
}

/** Takes a part of the text out, in the same way. */
export function takeFrom(area: HTMLTextAreaElement, from: number, to: number): void {
  area.focus()
  area.setSelectionRange(from, to)
  if (!edited(area, 'delete')) replace(area, '', 'deleteContent')
}

/** Nothing else keeps what can be undone. It goes where the focus is, and a field that is not drawn takes none. */
function edited(area: HTMLTextAreaElement, command: 'insertText' | 'delete', text = ''): boolean {
  return document.activeElement === area && 'execCommand' in document && document.execCommand(command, false, text)
}

function replace(area: HTMLTextAreaElement, text: string, inputType: string): void {
  area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end')
  area.dispatchEvent(new InputEvent('input', { inputType, bubbles: true }))
}
