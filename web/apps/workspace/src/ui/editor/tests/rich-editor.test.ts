// @vitest-environment jsdom
import type { RichDocument } from '@qiatan/live'
import type { Editor } from '@tiptap/vue-3'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drawnNowhere } from './nowhere'
import { fromText } from '../document'
import RichEditor from '../RichEditor.vue'

interface Stored { id: string; width: number; height: number }

let wrapper: VueWrapper<InstanceType<typeof RichEditor>>
let elsewhere: HTMLInputElement
/** What the server answers to each picture, in the order in which they were chosen. */
let answers: ((stored: Stored | null) => void)[]

async function write(text: string): Promise<Editor> {
  const upload = () => new Promise<Stored | null>((resolve) => { answers.push(resolve) })
  wrapper = mount(RichEditor, { props: { modelValue: fromText(text), label: '内容', placeholder: '', upload }, attachTo: document.body })
  await flushPromises()
  return (wrapper.get('.ProseMirror').element as unknown as { editor: Editor }).editor
}

drawnNowhere()
beforeEach(() => {
  answers = []
  elsewhere = document.body.appendChild(document.createElement('input'))
})
afterEach(() => {
  wrapper.unmount()
  elsewhere.remove()
})

async function choose(...names: string[]): Promise<void> {
  const picker = wrapper.get('input[type="file"]')
  Object.defineProperty(picker.element, 'files', { configurable: true, value: names.map((name) => new File(['x'], name, { type: 'image/png' })) })
  await picker.trigger('change')
}

async function comes(at: number, id: string | null): Promise<void> {
  answers[at]?.(id === null ? null : { id, width: 4, height: 3 })
  await flushPromises()
  await new Promise((resolve) => { requestAnimationFrame(resolve) })
}

/** What stands in the text, one after the other. */
function blocks(): string[] {
  const now = wrapper.emitted<[RichDocument]>('update:modelValue')?.at(-1)?.[0]
  return (now?.blocks ?? []).map((one) => (one.kind === 'picture' ? `[${one.id}]` : one.kind === 'paragraph' ? one.spans.map((span) => span.text).join('') : 'list'))
}

describe('a picture that is slow to go up', () => {
  it('stands where it was put, takes nothing away that is selected by then, and no focus', async () => {
    const editor = await write('第一行\n第二行')
    editor.commands.setTextSelection(4)
    await choose('a.png')
    editor.commands.insertContentAt(1, '再看')
    const from = editor.state.doc.content.size - 4
    editor.commands.setTextSelection({ from, to: from + 3 })
    elsewhere.focus()

    await comes(0, 'p1')

    expect(blocks()).toEqual(['再看第一行', '[p1]', '第二行'])
    expect(editor.state.doc.textBetween(editor.state.selection.from, editor.state.selection.to)).toBe('第二行')
    expect(document.activeElement).toBe(elsewhere)
  })

  it('leaves a line to write on behind it in an empty text', async () => {
    const editor = await write('')
    await choose('a.png')
    await comes(0, 'p1')
    editor.commands.insertContent('见图')

    expect(blocks()).toEqual(['[p1]', '见图'])
  })

  it('stands below the list in which it was put, which holds none', async () => {
    const editor = await write('第一步')
    editor.commands.toggleBulletList()
    await choose('a.png')
    await comes(0, 'p1')

    expect(blocks()).toEqual(['list', '[p1]'])
  })

  it('keeps its place among those that were chosen with it, whichever comes first, without the one that is refused', async () => {
    await write('见图')
    await choose('a.png', 'b.png', 'c.png')
    await comes(2, 'p3')
    await comes(1, null)
    await comes(0, 'p1')

    expect(blocks().filter((one) => one.startsWith('['))).toEqual(['[p1]', '[p3]'])
  })

  it('is known to be on its way until it stands in the text', async () => {
    await write('见图')
    expect(wrapper.vm.uploading).toBe(false)
    await choose('a.png')
    expect(wrapper.vm.uploading).toBe(true)
    await comes(0, null)
    expect(wrapper.vm.uploading).toBe(false)
  })
})
