// @vitest-environment jsdom
import type { Me } from '@qiatan/api'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useChoices } from '../../stores/choices'
import { useSession } from '../../stores/session'
import { useAlerts } from '../alerts/alerts'
import { playSound } from '../alerts/sound'
import { ME, conversation, message } from './make'

vi.mock('../alerts/sound', () => ({ playSound: vi.fn(), unlockSound: vi.fn() }))

const mine = conversation('a', { status: 'active', assignee_id: ME })

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 6) })
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: [] } as unknown as Me
  vi.mocked(playSound).mockClear()
})

describe('what calls the agent', () => {
  it('is heard on a phone too, where a page may not show a notification itself', () => {
    vi.stubGlobal('Notification', Object.assign(function refuse() { throw new TypeError('Illegal constructor') }, { permission: 'granted' }))
    const alerts = useAlerts()
    Object.assign(useChoices().settings, { desktop: true })

    expect(() => alerts.message(mine, message(3, { sender_kind: 'customer' }))).not.toThrow()
    expect(playSound).toHaveBeenCalledOnce()
    vi.unstubAllGlobals()
  })

  it('is not what the agent takes at the moment', async () => {
    const alerts = useAlerts()
    await alerts.expecting('a', async () => { alerts.assigned(mine) })

    expect(playSound).not.toHaveBeenCalled()
  })

  it('is what is handed to the agent later, whether they had taken it before or somebody was quicker', async () => {
    const alerts = useAlerts()
    await alerts.expecting('a', async () => undefined)
    await expect(alerts.expecting('b', () => Promise.reject(new Error('taken')))).rejects.toThrow('taken')

    alerts.assigned(mine)
    vi.advanceTimersByTime(10_000)
    alerts.assigned({ ...mine, id: 'b' })

    expect(playSound).toHaveBeenCalledTimes(2)
  })
})
