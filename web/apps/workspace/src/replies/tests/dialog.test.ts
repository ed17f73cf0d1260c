// @vitest-environment jsdom
import type { Me, ReplyGroup, ReplyPicture } from '@qiatan/api'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api } from '../../api'
import { useSession } from '../../stores/session'
import { drawnNowhere } from '../../ui/editor/tests/nowhere'
import ReplyDialog from '../ReplyDialog.vue'
import { useReplies } from '../store'

const DELIVERY = { id: 'g1', owner: 'own', name: '发货', position: 1, version: 1 } as ReplyGroup
let wrapper: VueWrapper

drawnNowhere()
beforeEach(async () => {
  localStorage.clear()
  setActivePinia(createPinia())
  useSession().me = { agent: { id: 'me', name: '沈知夏' }, enterprise: { name: '', timezone: 'UTC' }, points: ['replies.use', 'replies.edit_own'] } as unknown as Me
  Object.assign(useReplies(), { groups: [DELIVERY], entries: [], loaded: true })
  await import('../../ui/editor/RichEditor.vue')
  wrapper = mount(ReplyDialog, {
    props: { modelValue: true, reply: null, owner: 'own', groupId: 'g1' },
    global: { stubs: { ElDialog: { template: '<div><slot /><slot name="footer" /></div>' }, ChannelPreview: true } }, attachTo: document.body,
  })
  await flushPromises()
  await flushPromises()
})
afterEach(() => {
  wrapper.unmount()
  vi.restoreAllMocks()
})

const text = (): string => wrapper.get('.ProseMirror').text()
const save = () => wrapper.get<HTMLButtonElement>('button.pri')

describe('a quick reply that is being written', () => {
  it('takes the same variable twice in a row', async () => {
    const list = wrapper.get<HTMLSelectElement>('.sel-v select')
    for (const _ of [1, 2]) {
      await list.setValue('customer.name')
      await flushPromises()
      expect(list.element.value).toBe('')
    }

    expect(text()).toBe('{{customer.name}}{{customer.name}}')
  })

  it('is not saved without the picture that is still going up', async () => {
    let comes: (stored: ReplyPicture) => void = () => undefined
    vi.spyOn(api, 'uploadReplyPicture').mockReturnValue(new Promise((resolve) => { comes = resolve }))
    const create = vi.spyOn(api, 'createReply').mockReturnValue(new Promise(() => undefined))
    await wrapper.get('input:not([type="file"])').setValue('见图')
    const picker = wrapper.get('input[type="file"]')
    Object.defineProperty(picker.element, 'files', { value: [new File(['x'], 'a.png', { type: 'image/png' })] })
    await wrapper.get('.sel-v select').setValue('customer.name')
    await picker.trigger('change')

    await wrapper.get('form').trigger('submit')
    expect([save().element.disabled, save().text(), create.mock.calls]).toEqual([true, '正在上传图片', []])

    comes({ id: 'p1', width: 4, height: 3 } as ReplyPicture)
    await flushPromises()
    expect(save().element.disabled).toBe(false)
    await wrapper.get('form').trigger('submit')
    expect(create.mock.calls[0]?.[0].document?.blocks.map((one) => one.kind)).toEqual(['paragraph', 'picture'])
  })

  it('says that its group was deleted meanwhile, and goes into none', async () => {
    const create = vi.spyOn(api, 'createReply').mockReturnValue(new Promise(() => undefined))
    await wrapper.get('input:not([type="file"])').setValue('发货')
    await wrapper.get('.sel-v select').setValue('customer.name')
    useReplies().groups = []
    await flushPromises()

    expect(wrapper.get('[role="alert"]').text()).toBe('分组「发货」已被删除，会保存到「未分组」。')
    expect(wrapper.get<HTMLSelectElement>('select').element.value).toBe('')
    await wrapper.get('form').trigger('submit')
    expect(create.mock.calls[0]?.[0].group_id).toBeNull()
  })
})
