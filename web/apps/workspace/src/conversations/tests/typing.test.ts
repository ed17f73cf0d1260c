// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { pastedFiles } from '../../ui/clipboard'
import { takeFrom, typeInto } from '../composer/typing'

function clipboard(texts: Record<string, string>, files: readonly File[]): DataTransfer {
  return { types: [...Object.keys(texts), ...(files.length > 0 ? ['Files'] : [])], getData: (type: string) => texts[type] ?? '', files } as unknown as DataTransfer
}
const shot = new File(['x'], 'image.png', { type: 'image/png' })

describe('what is pasted', () => {
  it('is the picture of a screen, a picture of a page, or a file with its name', () => {
    expect(pastedFiles(clipboard({}, [shot]))).toEqual([shot])
    expect(pastedFiles(clipboard({ 'text/html': '<img src="x">' }, [shot]))).toEqual([shot])
    expect(pastedFiles(clipboard({ 'text/plain': 'image.png' }, [shot]))).toEqual([shot])
  })

  it('is the words of cells and paragraphs, not the picture of them that an office program adds', () => {
    expect(pastedFiles(clipboard({ 'text/plain': '17\t240', 'text/html': '<table></table>' }, [shot]))).toEqual([])
    expect(pastedFiles(null)).toEqual([])
  })
})

describe('a text from elsewhere', () => {
  function field(value: string, from: number, to = from): { area: HTMLTextAreaElement; inputs: string[] } {
    const area = document.createElement('textarea')
    document.body.append(area)
    area.value = value
    area.setSelectionRange(from, to)
    const inputs: string[] = []
    area.addEventListener('input', () => inputs.push(area.value))
    return { area, inputs }
  }

  it('goes where the caret is, in the place of what is chosen, and the field tells of it', () => {
    const { area, inputs } = field('你好吗', 2, 3)

    typeInto(area, '，在的')

    expect([area.value, area.selectionStart, document.activeElement === area]).toEqual(['你好，在的', 5, true])
    expect(inputs).toEqual(['你好，在的'])
  })

  it('never goes to the field beside it that has the focus while its own is not drawn', () => {
    const search = document.body.appendChild(document.createElement('input'))
    const { area, inputs } = field('', 0)
    const commanded: (Element | null)[] = []
    Object.assign(document, { execCommand: () => commanded.push(document.activeElement) > 0 })
    // A field that is not drawn takes no focus.
    area.focus = () => undefined
    search.focus()

    typeInto(area, '当天发出')
    Reflect.deleteProperty(document, 'execCommand')

    expect([commanded, area.value, inputs]).toEqual([[], '当天发出', ['当天发出']])
  })

  it('is taken out again and leaves what is around it', () => {
    const { area, inputs } = field('请看 #运费 谢谢', 6)

    takeFrom(area, 3, 6)

    expect([area.value, area.selectionStart]).toEqual(['请看  谢谢', 3])
    expect(inputs).toEqual(['请看  谢谢'])
  })
})
