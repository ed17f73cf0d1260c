import { createRenderer, type App, type Component } from '@vue/runtime-core' // eslint-disable-line vue/prefer-import-from-vue -- this is what `vue` is here

/**
 * `vue` of this app's build (vite.config.ts): Vue's own core on a DOM that does what the panel's templates need and no more. Vue's full one knows
 * transitions, custom elements, MathML, prefixed styles and text as HTML, and would cost every visitor 2 kB. What it exports besides is there
 * still, for parts that are fetched on demand: only what is named here is ours.
 *
 * It differs from Vue's in nothing a template can see, except: texts never become HTML, and a class or style is set as it is given.
 */
export * from '@vue/runtime-dom' // eslint-disable-line vue/prefer-import-from-vue -- this is what `vue` is here

type Handler = (event: Event) => unknown
interface Invoker {
  (event: Event): void
  value: Handler | Handler[]
  attached: number
}
type Listening = Element & { heard?: Record<string, Invoker | undefined> }
type Seen = Event & { seen?: number }
type Styles = Record<string, string | null>

const SVG = 'http://www.w3.org/2000/svg'

function invoker(value: Handler | Handler[]): Invoker {
  const call: Invoker = Object.assign(
    (event: Seen) => {
      // what was drawn because of this event does not hear it on its way up
      if (event.seen === undefined) event.seen = performance.now()
      else if (event.seen <= call.attached) return
      for (const handler of [call.value].flat()) handler(event)
    },
    { value, attached: performance.now() },
  )
  return call
}

function listen(element: Listening, name: string, value: unknown): void {
  const heard = (element.heard ??= {})
  const known = heard[name]
  const options: Record<string, boolean> = {}
  const event = name.slice(2).replace(/(Once|Passive|Capture)$/, (option) => ((options[option.toLowerCase()] = true), ''))
  const type = event.toLowerCase()
  if (known && value) known.value = value as Handler
  else if (known) {
    element.removeEventListener(type, known, options)
    heard[name] = undefined
  } else if (value) element.addEventListener(type, (heard[name] = invoker(value as Handler)), options)
}

function style(element: HTMLElement, before: unknown, value: unknown): void {
  if (typeof value === 'string' || !value) {
    element.style.cssText = value as string
    return
  }
  const rules = value as Styles
  for (const name in before as Styles) if (!(name in rules)) setRule(element, name, null)
  for (const name in rules) setRule(element, name, rules[name] ?? null)
}

function setRule({ style }: HTMLElement, name: string, value: string | null): void {
  style.setProperty(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value)
}

function patch(element: Element, name: string, before: unknown, value: unknown): void {
  const given = element as unknown as Record<string, unknown>
  if (/^on[A-Z](?!pdate:)/.test(name)) listen(element, name, value)
  else if (name === 'style') style(element as HTMLElement, before, value)
  else if (name === 'value' && element.tagName !== 'LI') {
    // writing the same value would move the cursor
    if (given.value !== value) given.value = value ?? ''
  } else if (typeof value === 'boolean' && typeof given[name] === 'boolean') given[name] = value
  else if (value === null || value === undefined) element.removeAttribute(name)
  else element.setAttribute(name, String(value))
}

const { createApp: create } = createRenderer<Node, Element>({
  insert: (child, parent, anchor) => void parent.insertBefore(child, anchor ?? null),
  remove: (child) => void child.parentNode?.removeChild(child),
  createElement: (tag, namespace) => (namespace === 'svg' ? document.createElementNS(SVG, tag) : document.createElement(tag)),
  createText: (text) => document.createTextNode(text),
  createComment: (text) => document.createComment(text),
  setText: (node, text) => (node.nodeValue = text),
  setElementText: (node, text) => (node.textContent = text),
  parentNode: (node) => node.parentNode as Element | null,
  nextSibling: (node) => node.nextSibling,
  patchProp: patch,
})

export function createApp(root: Component): Pick<App, 'mount'> {
  const app = create(root)
  return { mount: (into: Element | string) => app.mount(typeof into === 'string' ? (document.querySelector(into) as Element) : into) } as Pick<App, 'mount'>
}

type Guard = (event: KeyboardEvent) => unknown

const MODIFIERS = {
  stop: (event: Event) => event.stopPropagation(),
  prevent: (event: Event) => event.preventDefault(),
  self: (event: Event) => event.target !== event.currentTarget,
}

/** For `.stop`, `.prevent` and `.self`. */
export function withModifiers(handler: Guard, modifiers: (keyof typeof MODIFIERS)[]): Guard {
  return (event, ...more: []) => (modifiers.some((name) => MODIFIERS[name](event)) ? undefined : handler(event, ...more))
}

const KEYS: Record<string, string> = { esc: 'escape', space: ' ' }

/** For keys by their own names, such as `enter` and `arrow-down`, and for `esc` and `space`. */
export function withKeys(handler: Guard, keys: string[]): Guard {
  return (event) => {
    // while words are composed, each key is the input method's
    if (event.isComposing || event.keyCode === 229) return undefined
    // what a browser fills in by itself comes as a key event without a key
    const key = event.key?.replace(/\B[A-Z]/g, '-$&').toLowerCase() ?? ''
    return keys.some((name) => (KEYS[name] ?? name) === key) ? handler(event) : undefined
  }
}
