import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { useIntent } from '../stores/intent'
import { useUnsaved } from '../stores/unsaved'
import { message } from './make'

beforeEach(() => setActivePinia(createPinia()))

describe('a note on a customer that was begun', () => {
  it('is found when the customer is looked at again, by what it was to be', () => {
    const unsaved = useUnsaved()
    unsaved.keep('c1 ', '要发票')
    unsaved.keep('c2 n7', '改了一半')

    expect(['c1', 'c2', 'c3'].map(unsaved.begunFor)).toEqual(['', 'n7', null])
  })

  it('is gone once it is saved or left', () => {
    const unsaved = useUnsaved()
    unsaved.keep('c1 ', '要发票')
    unsaved.drop('c1 ')

    expect(unsaved.begunFor('c1')).toBeNull()
  })
})

describe('a message that is being changed', () => {
  it('is as it was left after something else was looked at', () => {
    const intents = useIntent()
    intents.choose('edit', message(3, { text: '周五到' }))
    intents.edits.set('a', '周六到')

    expect([intents.known.get('a')?.message.seq, intents.edits.get('a')]).toEqual([3, '周六到'])
  })

  it('leaves nothing behind when it is given up, or something is answered instead', () => {
    const intents = useIntent()
    intents.choose('edit', message(3, { text: '周五到' }))
    intents.choose('reply', message(2))
    expect(intents.edits.size).toBe(0)

    intents.choose('edit', message(3, { text: '周五到' }))
    intents.drop('a')
    expect([intents.known.size, intents.edits.size]).toEqual([0, 0])
  })
})
