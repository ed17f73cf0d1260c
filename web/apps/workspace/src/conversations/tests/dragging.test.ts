// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { shallowMount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '../../stores/session'
import { useDirectory } from '../stores/directory'
import { useThread } from '../stores/thread'
import ConversationColumn from '../thread/ConversationColumn.vue'
import { ME, conversation } from './make'

beforeEach(() => {
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify({ items: [], next: null }))))
  useSession().me = { agent: { id: ME }, points: ['conversations.serve'] } as unknown as Me
})

const added: number[] = []
const MessageComposer = { template: '<i />', methods: { addPictures: (files: File[]) => added.push(files.length), focus: () => undefined } }

function column(assignee: string) {
  useDirectory().accept(conversation('a', { assignee_id: assignee }))
  Object.assign(useThread(), { id: 'a', phase: 'ready' })
  return shallowMount(ConversationColumn, { props: { phone: false, listHidden: false, sideShown: false, taking: false }, global: { stubs: { MessageComposer } } })
}

/** What a browser tells of a drag; jsdom has none of its own. Answers whether the page takes it into its hands. */
function drag(element: Element, name: string, types: string[]): { taken: boolean; dropEffect: string } {
  const dataTransfer = { types, files: [new File([], 'a.png')], dropEffect: 'copy' }
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), { dataTransfer })
  element.dispatchEvent(event)
  return { taken: event.defaultPrevented, dropEffect: dataTransfer.dropEffect }
}

describe('what is dragged over a conversation', () => {
  it('is left to the field where it is text', () => {
    const { element } = column(ME)
    expect(drag(element, 'dragover', ['text/plain', 'text/html']).taken).toBe(false)
    expect(drag(element, 'drop', ['text/plain', 'text/html']).taken).toBe(false)
  })

  it('is taken where it carries files, and refused, not opened by the browser, where nothing can be sent', () => {
    const mine = column(ME)
    expect([drag(mine.element, 'dragover', ['Files']), drag(mine.element, 'drop', ['Files']).taken]).toEqual([{ taken: true, dropEffect: 'copy' }, true])
    expect(added).toEqual([1])
    mine.unmount()
    const theirs = column('colleague')
    expect(drag(theirs.element, 'dragover', ['Files'])).toEqual({ taken: true, dropEffect: 'none' })
    drag(theirs.element, 'drop', ['Files'])
    expect(added).toEqual([1])
  })
})
