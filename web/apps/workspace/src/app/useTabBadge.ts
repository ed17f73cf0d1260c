import { watch } from 'vue'

const PLAIN = '/assets/workspace/icon-1-64.png'
/** Of the picture above, in pixels. */
const SIZE = 64

/** How many wait, on the icon of the tab and, where the page is installed, on its icon in the system. */
export function useTabBadge(count: () => number): void {
  watch(count, async (now) => {
    // What no installed page listens to is refused, and nothing is lost by it.
    if ('setAppBadge' in navigator) navigator.setAppBadge(now).catch(() => undefined)
    const icon = now > 0 ? await drawn(now) : PLAIN
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    // Of two that were drawn at the same time, the newer counts. Naming the same one again would have it fetched again.
    if (link && now === count() && link.getAttribute('href') !== icon) link.href = icon
  }, { immediate: true })
}

let plain: Promise<HTMLImageElement> | undefined

/**
 * The icon with a red mark: the number up to nine, then only that there are many; the plain one where it cannot be drawn.
 * In pixels: browsers read the icon again whenever the address changes, and an SVG is a page of its own to them, which
 * whoever goes from one conversation to the next would wait for.
 */
async function drawn(count: number): Promise<string> {
  plain ??= loaded(PLAIN)
  const pen = Object.assign(document.createElement('canvas'), { width: SIZE, height: SIZE }).getContext('2d')
  try {
    pen?.drawImage(await plain, 0, 0)
  } catch {
    plain = undefined
    return PLAIN
  }
  if (!pen) return PLAIN
  pen.fillStyle = '#d92d20'
  pen.beginPath()
  pen.arc(44, 20, 20, 0, 2 * Math.PI)
  pen.fill()
  pen.fillStyle = '#fff'
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.font = `700 ${count > 9 ? 24 : 34}px system-ui, sans-serif`
  pen.fillText(count > 9 ? '9+' : String(count), 44, 22)
  return pen.canvas.toDataURL()
}

async function loaded(address: string): Promise<HTMLImageElement> {
  const image = new Image()
  image.src = address
  await image.decode()
  return image
}
