/** Text and edges on a colour that a tenant chose: WCAG 2.2 contrast, computed so that no colour makes words unreadable. */

type Rgb = readonly [number, number, number]

const INK = '#1a1d23'
const BLACK = '#000000'
const PAPER = '#ffffff'

/** `#rrggbb`; anything else gives `fallback`. */
export function safeColor(value: unknown, fallback = '#3357cc'): string {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value.toLowerCase() : fallback
}

export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

/** White where white is readable (4.5:1), else ink, else black: of white and black one always is. */
export function onColor(color: string): string {
  return [PAPER, INK].find((text) => contrast(color, text) >= 4.5) ?? BLACK
}

/** `color` mixed with `other`: 0 is `color`, 1 is `other`. */
export function mix(color: string, other: string, part: number): string {
  const to = rgb(other)
  return '#' + rgb(color).map((value, i) => Math.round(value + ((to[i] ?? 0) - value) * part).toString(16).padStart(2, '0')).join('')
}

/** `color`, made darker until it can be read on `ground` (4.5:1): for links, names and marks in the tenant's colour. */
export function readable(color: string, ground = PAPER): string {
  for (let part = 0; part < 1; part += 0.05) {
    const tried = mix(color, BLACK, part)
    if (contrast(tried, ground) >= 4.5) return tried
  }
  return INK
}

function rgb(color: string): Rgb {
  const value = parseInt(color.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

function luminance(color: string): number {
  const [r, g, b] = rgb(color).map((value) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
