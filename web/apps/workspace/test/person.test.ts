import { describe, expect, it } from 'vitest'
import { letterOf } from '../src/ui/person'

describe('the letter of a person', () => {
  it.each([['沈知夏', '夏'], ['Anna Lee', 'A'], ['anna', 'A'], ['小王 Tom', '小'], ['  顾南乔 ', '乔'], ['', '?']])('of the agent %j is %s', (name, letter) => {
    expect(letterOf(name, 'agent')).toBe(letter)
  })

  it.each([['沈知夏', '沈'], ['访客 0412', '访'], ['👩‍👩‍👧 family', '👩‍👩‍👧'], ['', '?']])('of the customer %j is %s', (name, letter) => {
    expect(letterOf(name, 'customer')).toBe(letter)
  })
})
