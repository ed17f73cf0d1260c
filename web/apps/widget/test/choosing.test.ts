import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'

// the part that looks at what was chosen cannot be fetched
vi.mock('../src/logic/choose', () => { throw new TypeError('Failed to fetch') })

it('pictures that are chosen without a line are not lost without a word', async () => {
  const { setLocale, reason } = await import('../src/i18n')
  await setLocale('zh-CN')
  const { refusal } = await import('../src/state/chat')
  const { default: Composer } = await import('../src/components/Composer.vue')
  const composer = mount(Composer)
  await (composer.vm as unknown as { add: (files: File[]) => Promise<void> }).add([new File(['a'], 'a.png')])
  await flushPromises()

  expect(refusal.code).toBe('network')
  // and its words are there already: they could not be fetched either
  expect(reason(refusal.code)).toBe('网络不通')
  composer.unmount()
})
