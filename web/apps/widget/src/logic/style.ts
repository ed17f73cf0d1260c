/** Rules of a part that is fetched on demand come with it, as a constructed sheet: the panel's policy allows no inline style. */
export function addStyle(text: string): void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(text)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
}
