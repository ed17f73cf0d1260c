// @vitest-environment jsdom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { asked } from '../../ui/confirm'
import HoursPage from '../hours/HoursPage.vue'
import PolicyPane from '../security/PolicyPane.vue'
import { openPage, serve, signIn, told, type Call, type Opened } from './page'

let opened: Opened
let calls: Call[]
const saved = (): Record<string, unknown>[] => calls.filter((call) => call.method === 'PUT').map((call) => call.body)
const alerts = (): string[] => opened.wrapper.findAll('[role=alert]').map((one) => one.text())
const bar = () => opened.wrapper.find('.save-bar')

async function save(): Promise<void> {
  await opened.wrapper.get('.save-bar .pri').trigger('click')
  await flushPromises()
}

async function discard(): Promise<void> {
  await opened.wrapper.get('.save-bar .quiet').trigger('click')
  await flushPromises()
}

afterEach(() => {
  opened.wrapper.unmount()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

describe('a trusted address that is typed and not added', () => {
  beforeEach(async () => {
    let policy = { enabled: false, role_ids: [], regions: [], trusted: [] as object[], restricted_count: 0, free_count: 1, version: 1 }
    calls = serve((call) => {
      if (call.path.endsWith('/preview')) return { own: { allowed: true }, signed_out_count: 0, signed_out: [] }
      if (call.method === 'PUT') policy = { ...policy, trusted: (call.body['trusted'] as object[]).map((one) => ({ ...one, last_used_at: null })), version: policy.version + 1 }
      return policy
    })
    signIn(['security.view', 'security.edit'])
    opened = await openPage(PolicyPane, { stubs: { RegionField: true } })
  })

  const field = () => opened.wrapper.get<HTMLInputElement>('input[aria-label="单个地址或 CIDR"]')

  it('is saved with the rest', async () => {
    expect(bar().exists()).toBe(false)
    await field().setValue('198.51.100.7')
    await save()
    expect(saved().map((body) => body['trusted'])).toEqual([[{ first: '198.51.100.7', last: null, note: '' }]])
    expect([told(), bar().exists(), field().element.value]).toEqual([['登录限制已保存'], false, ''])
  })

  it('that cannot be meant keeps all of it from being saved, and says why', async () => {
    await field().setValue('198.51.100')
    await save()
    expect([saved(), told(), alerts(), field().element.value]).toEqual([[], [], ['写成 203.0.113.18、203.0.113.0/24 或 2001:db8::/48'], '198.51.100'])
    expect(document.activeElement).toBe(field().element)
  })

  it('is asked about before the page is left, and gone when the changes are', async () => {
    await field().setValue('198.51.100.7')
    const leaving = opened.router.push('/elsewhere')
    await flushPromises()
    expect(asked.value?.title).toBe('离开并放弃修改？')
    asked.value?.answer(false)
    await leaving
    expect(opened.router.currentRoute.value.path).toBe('/')

    await discard()
    expect([bar().exists(), field().element.value, saved()]).toEqual([false, '', []])
  })
})

describe('an exceptional day that is typed and not added', () => {
  beforeEach(async () => {
    const week = Array.from({ length: 7 }, () => [{ start: '09:00', until: '18:00' }])
    let hours = { settings: { enabled: true, week, groups: [], exceptions: [] as object[], outside: 'message' }, timezone: 'Asia/Shanghai', open_now: true, changes_at: null, version: 1 }
    calls = serve((call) => {
      if (call.method === 'PUT') hours = { ...hours, settings: call.body['settings'] as typeof hours.settings, version: hours.version + 1 }
      return hours
    })
    signIn(['routing.view', 'routing.edit'])
    opened = await openPage(HoursPage, { stubs: { WeeksSection: true } })
  })

  const day = () => opened.wrapper.get<HTMLInputElement>('input[type=date]')
  const name = () => opened.wrapper.get<HTMLInputElement>('.new input[type=text]')
  const exceptions = (): unknown[] => saved().map((body) => (body['settings'] as { exceptions: unknown }).exceptions)

  it('is saved with the rest, and its name, which stays for the next day, is no change', async () => {
    expect(bar().exists()).toBe(false)
    await day().setValue('2027-02-06')
    await name().setValue('春节')
    await save()
    expect(exceptions()).toEqual([[{ day: '2027-02-06', open: false, name: '春节', intervals: null }]])
    expect([told(), bar().exists(), day().element.value, name().element.value]).toEqual([['工作时间已保存'], false, '', '春节'])
    await name().setValue('')
    expect(bar().exists(), 'an empty row is nothing that is left to be done').toBe(false)
  })

  it('without a name keeps all of it from being saved, and says why', async () => {
    await day().setValue('2027-02-06')
    await save()
    expect([saved(), told(), alerts(), day().element.value]).toEqual([[], [], ['请写名称'], '2027-02-06'])
  })

  it('is gone when the changes are', async () => {
    await day().setValue('2027-02-06')
    await name().setValue('春节')
    await discard()
    expect([bar().exists(), day().element.value, name().element.value, saved()]).toEqual([false, '', '', []])
  })
})
