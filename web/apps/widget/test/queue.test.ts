import { mount, flushPromises } from '@vue/test-utils'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LiveConnection, QueuePlace } from '@qiatan/live'
import { ApiError } from '../src/state/http'
import { waitText } from '../src/logic/queue-words'

const { call } = vi.hoisted(() => ({ call: vi.fn() }))
vi.mock('../src/state/session', () => ({ call }))
vi.mock('../src/logic/style', () => ({ addStyle: () => undefined }))

const place = (part: Partial<QueuePlace> = {}): QueuePlace => ({ conversation_id: 'c1', state: 'queued', position: 3, expected_seconds: 200, text: '', ...part })

/** The line, played: what the server tells, and when a connection is there again. */
function line() {
  const listeners = new Map<string, (frame: unknown) => void>()
  const on = (name: string, listener: (frame: unknown) => void) => {
    listeners.set(name, listener)
    return () => listeners.delete(name)
  }
  return { live: { on } as unknown as LiveConnection, tell: (name: string, frame: unknown = {}) => listeners.get(name)?.(frame), listeners }
}

async function draw(conversationId = 'c1') {
  const { live, tell, listeners } = line()
  const { default: Queue } = await import('../src/components/Queue.vue')
  const onLine = vi.fn()
  const shown = mount(Queue, { props: { conversationId, live, onLine } })
  await flushPromises()
  return { shown, tell, listeners, onLine }
}

beforeAll(async () => {
  const { setLocale, t } = await import('../src/i18n')
  await setLocale('zh-CN')
  await vi.waitUntil(() => t('q_header') !== '')
})
beforeEach(() => call.mockReset())

describe('the expected wait', () => {
  it.each([
    [null, '暂时无法预计等待时间。'],
    [0, '预计不到 1 分钟'],
    [59, '预计不到 1 分钟'],
    [60, '预计约 2 分钟'],
    [121, '预计约 3 分钟'],
    [3_600, '预计约 60 分钟'],
    [3_601, '预计需要 1 小时以上'],
  ])('of %s seconds promises no more than is known', (seconds, text) => {
    expect(waitText(seconds)).toBe(text)
  })
})

describe('a visitor who waits', () => {
  it('sees the place that the server keeps, and what it becomes', async () => {
    call.mockResolvedValue(place())
    const { shown, tell, onLine } = await draw()
    expect(shown.get('b').text()).toBe('3')
    expect(shown.text()).toContain('预计约 4 分钟')
    expect(shown.text()).toContain('可以先把问题写下来')
    expect(onLine).toHaveBeenLastCalledWith('客服都在忙，正在为您排队')
    tell('queue', { place: place({ position: 1, expected_seconds: null, text: '请稍等，马上就来' }) })
    await flushPromises()
    expect(shown.get('b').text()).toBe('1')
    expect(shown.text()).toContain('暂时无法预计等待时间。')
    expect(shown.text()).toContain('请稍等，马上就来')
    expect(shown.text()).not.toContain('可以先把问题写下来')
  })

  it('is shown no figure where there is none, and nothing of another conversation', async () => {
    call.mockResolvedValue(place({ position: null }))
    expect((await draw()).shown.find('b').exists()).toBe(false)
    call.mockResolvedValue(place({ conversation_id: 'c0' }))
    expect((await draw()).shown.text()).toBe('')
  })

  it('can leave a message instead, and is told that it is kept', async () => {
    call.mockResolvedValueOnce(place()).mockResolvedValueOnce(place({ state: 'message', position: null, expected_seconds: null }))
    const { shown, onLine } = await draw()
    await shown.findAll('button')[0]?.trigger('click')
    await flushPromises()
    expect(call.mock.calls).toEqual([['GET', '/widget/queue'], ['POST', '/widget/queue/leave']])
    expect(shown.text()).toContain('已收到您的留言')
    expect(shown.findAll('button')).toHaveLength(0)
    expect(onLine).toHaveBeenLastCalledWith('已转为留言')
  })

  it('is told where that failed, and may try again', async () => {
    call.mockResolvedValueOnce(place()).mockRejectedValueOnce(new ApiError(503, 'try_again'))
    const { shown } = await draw()
    await shown.findAll('button')[0]?.trigger('click')
    await flushPromises()
    expect(shown.get('[role=alert]').text()).toBe('没有成功，请再试一次')
    expect(shown.findAll('button')[0]?.attributes('disabled')).toBeUndefined()
  })

  it('is asked after again when the connection is back', async () => {
    call.mockRejectedValueOnce(new ApiError(0, 'network')).mockResolvedValueOnce(place({ position: 2 }))
    const { shown, tell } = await draw()
    expect(shown.text()).toBe('')
    tell('subscribed')
    await flushPromises()
    expect(shown.get('b').text()).toBe('2')
  })

  it('hears no more once it is over', async () => {
    call.mockResolvedValue(place())
    const { shown, listeners, onLine } = await draw()
    shown.unmount()
    expect(listeners.size).toBe(0)
    expect(onLine).toHaveBeenLastCalledWith('')
  })
})
