import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contrast, onColor, readable, safeColor } from '../src/contrast'

const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => '#' + value.toString(16).padStart(6, '0'))

describe('contrast', () => {
  it('knows the ends of the scale', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
    expect(contrast('#777777', '#777777')).toBe(1)
  })

  it('makes text readable on every colour a tenant may choose', () => {
    fc.assert(fc.property(color, (value) => contrast(value, onColor(value)) >= 4.5))
    fc.assert(fc.property(color, (value) => contrast(readable(value), '#ffffff') >= 4.5))
  })

  it('takes only six hex digits as a colour', () => {
    for (const bad of ['red', '#fff', '#12345g', '#123456;}', 'url(x)', null, {}]) expect(safeColor(bad, '#000000')).toBe('#000000')
    expect(safeColor('#AABBCC')).toBe('#aabbcc')
  })
})
