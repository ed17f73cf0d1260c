const SVG = 'http://www.w3.org/2000/svg'

export function element<K extends keyof HTMLElementTagNameMap>(name: K, className: string, attributes: Record<string, string> = {}): HTMLElementTagNameMap[K] {
  const node = document.createElement(name)
  node.className = className
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}

export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(SVG, 'path')
  line.setAttribute('d', path)
  svg.append(line)
  return svg
}

export const CHAT = 'M21 15a2 2 0 0 1-2 2H8l-5 4V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2z'
export const DOWN = 'm6 9.5 6 6 6-6'
