import { watch } from 'vue'

const PLAIN = '/assets/workspace/icon.svg'

/** How many wait, on the icon of the tab and, where the page is installed, on its icon in the system. */
export function useTabBadge(count: () => number): void {
  watch(count, (now) => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    const icon = now > 0 ? drawn(now) : PLAIN
    // Naming the same one again would have it fetched again.
    if (link && link.getAttribute('href') !== icon) link.href = icon
    // What no installed page listens to is refused, and nothing is lost by it.
    if ('setAppBadge' in navigator) navigator.setAppBadge(now).catch(() => undefined)
  }, { immediate: true })
}

/** The icon with a red mark: the number up to nine, then only that there are many. */
function drawn(count: number): string {
  const text = count > 9 ? '9+' : String(count)
  const size = count > 9 ? 10 : 13
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="7" fill="#3357cc"/>' +
    '<path d="M6.5 9.2H14M10 14.8h7.5" stroke="#fff" stroke-width="2.4"/><circle cx="16.5" cy="7.5" r="7.5" fill="#d92d20"/>' +
    `<text x="16.5" y="${count > 9 ? 11 : 12}" font-family="system-ui,sans-serif" font-size="${size}" font-weight="700" text-anchor="middle" fill="#fff">${text}</text></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}
