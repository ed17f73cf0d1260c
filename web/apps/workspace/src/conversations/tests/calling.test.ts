// @vitest-environment jsdom
import type { Conversation } from '@qiatan/api'
import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { useMentions } from '../composer/useMentions'
import { conversation } from './make'

let scope: EffectScope
let asked: string[]
let team: string[]

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  scope = effectScope()
  asked = []
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    const words = new URL(url, 'http://localhost').searchParams.get('q') ?? ''
    asked.push(words)
    const items = team.filter((name) => name.includes(words)).slice(0, 200).map((name) => ({ id: name, name, avatar_url: null }))
    return new Response(JSON.stringify({ items }))
  }))
})

afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function people(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `客服${String(number).padStart(3, '0')}`)
}

async function type(mentions: ReturnType<typeof useMentions>, text: string): Promise<string[]> {
  mentions.look(text, text.length)
  await flushPromises()
  await vi.advanceTimersByTimeAsync(1_000)
  await flushPromises()
  return mentions.options.value.map((one) => one.name)
}

describe('colleagues who can be called', () => {
  it('are found by their name where the server cannot name all at once', async () => {
    team = people(350)
    const mentions = scope.run(() => useMentions(() => conversation('a') as Conversation))!
    expect(await type(mentions, '@')).toHaveLength(20)

    expect(await type(mentions, '@客服31')).toEqual(people(320).slice(310))
    mentions.look('@客服319 ', 7)

    expect(asked).toEqual(['', '客服31'])
    expect(mentions.colleagues.value.some((one) => one.name === '客服319')).toBe(true)
  })

  it('are asked for once where all were named', async () => {
    team = people(199)
    const mentions = scope.run(() => useMentions(() => conversation('a') as Conversation))!
    await type(mentions, '@')

    expect(await type(mentions, '@客服19')).toEqual(people(199).slice(190))

    expect(asked).toEqual([''])
  })
})
