// @vitest-environment jsdom
import type { ReplyBrief } from '@qiatan/api'
import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import ReplyHover from '../ReplyHover.vue'

let shown: VueWrapper | undefined

beforeEach(() => {
  Object.assign(window, { innerWidth: 1440, innerHeight: 900 })
})
afterEach(() => shown?.unmount())

async function placed(left: number, width: number, top: number): Promise<string> {
  const row = document.createElement('div')
  vi.spyOn(row, 'getBoundingClientRect').mockReturnValue(new DOMRect(left, top, width, 52))
  const reply = { id: 'r', title: '', text: '' } as ReplyBrief
  shown = mount(ReplyHover, { props: { reply, row, values: null }, global: { stubs: { ReplyPreview: true } } })
  await nextTick()
  await nextTick()
  return shown.attributes('style') ?? ''
}

it('stands beside a narrow row, on the side that has room', async () => {
  expect(await placed(1120, 320, 200)).toBe('top: 200px; left: 812px;')
})

it('stands below a wide row and over its second half, so that nothing beside the list is covered', async () => {
  expect(await placed(480, 900, 200)).toBe('top: 254px; left: 930px;')
})
