import { Mark, Node } from '@tiptap/core'
import { richPictureUrl, safeHref } from '@qiatan/live'
import { Placeholder } from '@tiptap/extensions'
import { Paragraph } from '@tiptap/extension-paragraph'
import { StarterKit } from '@tiptap/starter-kit'

/*
 * What this editor knows, and no more: whatever is pasted comes out as one of these or as plain words. Forms are attributes of our own
 * (`data-…`) with rules in our sheet: the page's policy allows no inline style, and pasted styles mean nothing.
 */

const AlignedParagraph = Paragraph.extend({
  addAttributes() {
    return {
      align: {
        default: 'left',
        parseHTML: (element: HTMLElement) => {
          const align = element.dataset['align']
          return align === 'center' || align === 'right' ? align : 'left'
        },
        renderHTML: ({ align }: Record<string, unknown>) => (align === 'center' || align === 'right' ? { 'data-align': align } : {}),
      },
    }
  },
})

const Size = Mark.create({
  name: 'size',
  addAttributes() {
    return { size: { default: 'normal' } }
  },
  parseHTML() {
    return [{ tag: 'span[data-size]', getAttrs: (element) => ({ size: element.dataset['size'] === 'small' ? 'small' : 'large' }) }]
  },
  renderHTML({ mark }) {
    return ['span', { 'data-size': mark.attrs['size'] === 'small' ? 'small' : 'large' }, 0]
  },
})

const Link = Mark.create({
  name: 'link',
  inclusive: false,
  addAttributes() {
    return { href: { default: null } }
  },
  parseHTML() {
    return [{ tag: 'a[href]', getAttrs: (element) => { const href = safeHref(element.getAttribute('href')); return href ? { href } : false } }]
  },
  renderHTML({ mark }) {
    // No address in the editor itself: a click there sets the caret.
    return ['span', { class: 'link', title: String(mark.attrs['href'] ?? '') }, 0]
  },
})

const Picture = Node.create({
  name: 'picture',
  group: 'block',
  atom: true,
  draggable: true,
  addAttributes() {
    return { id: { default: null }, width: { default: 0 }, height: { default: 0 }, alt: { default: '' } }
  },
  parseHTML() {
    // Only what was copied from here: pictures of other pages are not fetched.
    return [{
      tag: 'img[data-picture]',
      getAttrs: (element) => {
        const id = element.dataset['picture'] ?? ''
        return id === '' ? false : { id, width: Number(element.getAttribute('width')) || 0, height: Number(element.getAttribute('height')) || 0, alt: element.getAttribute('alt') ?? '' }
      },
    }]
  },
  renderHTML({ node }) {
    const { id, width, height, alt } = node.attrs
    return ['img', { src: richPictureUrl(String(id)), 'data-picture': String(id), width: String(width), height: String(height), alt: String(alt) }]
  },
})

export function editorExtensions(placeholder: () => string) {
  return [
    StarterKit.configure({
      blockquote: false, code: false, codeBlock: false, heading: false, horizontalRule: false, strike: false, link: false, paragraph: false,
      trailingNode: false, dropcursor: false, gapcursor: false,
    }),
    AlignedParagraph,
    Size,
    Link,
    Picture,
    Placeholder.configure({ placeholder }),
  ]
}
