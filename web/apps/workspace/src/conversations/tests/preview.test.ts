// @vitest-environment jsdom
import type { Conversation, Me } from '@qiatan/api'
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { setLocale } from '../../i18n'
import { useSession } from '../../stores/session'
import ConversationRow from '../list/ConversationRow.vue'
import { placeWords } from '../transfer/words'
import { ME, conversation, routing } from './make'

const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:id?', name: 'conversations', component: { template: '<i />' } }] })
const LAST = { seq: 2, kind: 'text', sender_kind: 'agent', preview: '可以补发', at: '2026-11-22T06:10:00Z' } as const
const SHEN = { id: ME, name: '沈知夏', avatar_url: null, internal: false }
const GU = { id: 'x', name: '顾南乔', avatar_url: null, internal: false }

function row(over: Partial<Conversation>, more: Record<string, unknown> = {}) {
  return mount(ConversationRow, {
    props: {
      conversation: conversation('a', over), routing: undefined, current: false, ended: false, now: Date.parse('2026-11-22T06:12:00Z'), typing: false,
      canTake: false, taking: false, showChannel: false, isMine: true, joined: false, mentions: 0, ...more,
    },
    global: { plugins: [router] },
  })
}

beforeEach(async () => {
  await setLocale('zh-CN')
  setActivePinia(createPinia())
  useSession().me = { agent: { id: ME }, points: [] } as unknown as Me
})

describe('the last line in the list', () => {
  it('is mine where nobody else has served', () => {
    expect(row({ last: LAST, participants: [SHEN] }).text()).toContain('你：可以补发')
  })

  it('is mine too where a colleague has only written notes', () => {
    expect(row({ last: LAST, participants: [{ ...GU, internal: true }, SHEN] }).text()).toContain('你：可以补发')
  })

  it('is the colleague’s who wrote it, though I serve', () => {
    expect(row({ last: { ...LAST, sender_id: 'x' }, participants: [GU, SHEN] }).text()).toContain('顾南乔：可以补发')
    expect(row({ last: { ...LAST, sender_id: ME }, participants: [GU, SHEN] }).text()).toContain('你：可以补发')
  })

  it('names no agent where several have served: it may be a colleague who joined, or who handed it on', () => {
    expect(row({ last: LAST, participants: [GU, SHEN] }).text()).toContain('客服：可以补发')
  })
})

describe('a row', () => {
  it('shows the grade of an ended conversation, in a sign and in words', () => {
    const shown = row({ status: 'ended', grade: 'gold', ended_at: '2026-11-22T06:11:00Z' }, { ended: true }).get('.grade')
    expect(shown.text()).toBe('金金牌对话')
    expect(row({ status: 'ended', grade: null }, { ended: true }).find('.grade').exists()).toBe(false)
  })

  it('says that I have joined', () => {
    expect(row({ assignee_id: 'x', joined_ids: [ME] }, { joined: true }).text()).toContain('已加入')
  })

  it('keeps the focus on the button while it is pressed', () => {
    const button = row({ status: 'waiting', assignee_id: null }, { canTake: true, taking: true }).get('button')
    expect(button.attributes('aria-disabled')).toBe('true')
    expect(button.attributes('disabled')).toBeUndefined()
  })
})

it('only a line of its own is named beside the place', () => {
  expect(placeWords(routing('a', { position: 2 }))).toEqual(['第 2 位'])
  expect(placeWords(routing('a', { target: { kind: 'group', id: 'g', name: '售后组' } }))).toEqual(['第 1 位', '售后组'])
  expect(placeWords(routing('a', { target: { kind: 'group', id: 'g', name: '售后组' }, also: [], also_more: 0 }))).toEqual(['第 1 位', '售后组'])
  expect(placeWords(routing('a', { state: 'message', position: null }))).toEqual([])
})

it('all are named for whom somebody waits, in either language', async () => {
  const target = { kind: 'group', id: 'g', name: '售后组' } as const
  const also = [{ kind: 'group', id: 'h', name: '售前组' } as const, { kind: 'agent', id: 'gone', name: null } as const]
  expect(placeWords(routing('a', { target, also }))).toEqual(['第 1 位', '售后组、售前组或指定的客服'])
  expect(placeWords(routing('a', { target, also: also.slice(0, 1), also_more: 3 }))).toEqual(['第 1 位', '售后组、售前组或其他 3 个'])
  await setLocale('en')
  expect(placeWords(routing('a', { target, also }))).toEqual(['No. 1', '售后组, 售前组, or A named agent'])
})
