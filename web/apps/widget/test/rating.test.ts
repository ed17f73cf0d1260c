import { mount, flushPromises } from '@vue/test-utils'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Conversation } from '@qiatan/live'
import { ApiError } from '../src/state/http'

const { call } = vi.hoisted(() => ({ call: vi.fn() }))
vi.mock('../src/state/session', () => ({ call, channelKey: 'k' }))
vi.mock('../src/state/threads', () => ({ take: vi.fn() }))
vi.mock('../src/logic/style', () => ({ addStyle: () => undefined }))

const open = { open: true, prompt: '', until: null, evaluation: null }
const ended = (part: Partial<Conversation> = {}): Conversation =>
  ({ id: 'c1', status: 'ended', ended_at: new Date().toISOString(), evaluation: null, evaluation_invited_at: '2026-11-22T06:00:00Z', ...part }) as Conversation

async function draw(conversation: Conversation) {
  const { default: Rating } = await import('../src/components/Rating.vue')
  const shown = mount(Rating, { props: { conversation }, attachTo: document.body })
  await flushPromises()
  return shown
}

beforeAll(async () => {
  const { setLocale, t } = await import('../src/i18n')
  await setLocale('zh-CN')
  await vi.waitUntil(() => t('rate') !== '')
})
beforeEach(() => {
  call.mockReset()
  localStorage.clear()
  document.body.replaceChildren()
})

describe('what the visitor thinks of the service', () => {
  it('is asked in front of an ended conversation, in the words of the enterprise', async () => {
    call.mockResolvedValue({ ...open, prompt: '还满意吗？' })
    const shown = await draw(ended())
    expect(shown.get('h2').text()).toBe('还满意吗？')
    expect(shown.get('button[type=submit]').attributes('disabled')).toBe('')
    shown.unmount()
  })

  it('is sent with its remark, without white space around it', async () => {
    call.mockResolvedValueOnce(open).mockResolvedValueOnce({})
    const shown = await draw(ended())
    await shown.get('input[value=bad]').setValue()
    await shown.get('textarea').setValue('  没有解决 ')
    await shown.get('form').trigger('submit')
    await flushPromises()
    expect(call.mock.calls[1]).toEqual(['PUT', '/widget/conversations/c1/evaluation', { level: 'bad', remark: '没有解决' }])
    expect(shown.find('form').exists()).toBe(false)
    shown.unmount()
  })

  it('keeps what was written where it could not be sent, and says so', async () => {
    call.mockResolvedValueOnce(open).mockRejectedValueOnce(new ApiError(0, 'network'))
    const shown = await draw(ended())
    await shown.get('input[value=good]').setValue()
    await shown.get('textarea').setValue('谢谢')
    await shown.get('form').trigger('submit')
    await flushPromises()
    expect(shown.get('[role=alert]').text()).toBe('没有成功，请再试一次')
    expect(shown.get('textarea').element.value).toBe('谢谢')
    shown.unmount()
  })

  it.each([
    ['too_late', '已超过 24 小时，不能评价了'],
    ['not_invited', '这次对话不能评价'],
    ['nothing_to_evaluate', '这次对话不能评价'],
  ])('is not asked for again where the answer is %s, which is told as it is', async (code, words) => {
    call.mockResolvedValueOnce(open).mockRejectedValueOnce(new ApiError(409, code))
    const shown = await draw(ended())
    await shown.get('input[value=good]').setValue()
    await shown.get('form').trigger('submit')
    await flushPromises()
    expect(shown.get('[role=alert]').text()).toBe(words)
    expect(shown.get('button[type=submit]').attributes('disabled')).toBe('')
    shown.unmount()
  })

  it('cannot be said where the server takes none, and a day is blamed only when it is over', async () => {
    call.mockResolvedValue({ ...open, open: false })
    const shown = await draw(ended())
    expect(shown.get('[role=alert]').text()).toBe('这次对话不能评价')
    shown.unmount()
  })

  it('says how much too long a remark is, and sends none of it', async () => {
    call.mockResolvedValue(open)
    const shown = await draw(ended())
    await shown.get('input[value=good]').setValue()
    await shown.get('textarea').setValue('好'.repeat(503))
    expect(shown.get('[role=alert]').text()).toBe('超出 3 字')
    await shown.get('form').trigger('submit')
    expect(call).toHaveBeenCalledTimes(1)
    shown.unmount()
  })

  it('is not asked again of who skipped it, until they are invited anew', async () => {
    call.mockResolvedValue(open)
    const shown = await draw(ended())
    await shown.get('.skip').trigger('click')
    await flushPromises()
    expect(shown.text()).toBe('')
    shown.unmount()
    const later = await draw(ended())
    expect(later.text()).toBe('')
    await later.setProps({ conversation: ended({ evaluation_invited_at: '2026-11-22T07:00:00Z' }) })
    await flushPromises()
    expect(later.find('h2').exists()).toBe(true)
    later.unmount()
  })

  it('asks on a line, and not in front of a conversation that goes on', async () => {
    const shown = await draw(ended({ status: 'active', ended_at: null }))
    expect(shown.get('.ask').text()).toContain('这次服务怎么样？')
    expect(shown.find('form').exists()).toBe(false)
    shown.unmount()
  })
})
