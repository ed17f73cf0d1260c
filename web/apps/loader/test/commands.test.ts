import { describe, expect, it, vi } from 'vitest'
import { commands } from '../src/commands'

function world() {
  const api = { open: vi.fn(), close: vi.fn(), on: vi.fn(), assign: vi.fn(), metadata: vi.fn() }
  return { api, run: commands(api) }
}

describe('commands', () => {
  it('do what their names say', () => {
    const { api, run } = world()
    run('assign', { agents: ['a'], groups: undefined })
    run('fallback', 2)
    run('metadata', { order: 'S1' })
    run('showPanel', { groups: ['g'] })
    run('showPanel')
    run('hidePanel')
    expect(api.assign.mock.calls).toEqual([[{ agents: ['a'] }], [{ fallback: 2 }]])
    expect(api.metadata.mock.calls).toEqual([[{ order: 'S1' }]])
    expect(api.open.mock.calls).toEqual([[{ groups: ['g'] }], [{}]])
    expect(api.close.mock.calls).toEqual([[]])
  })

  it('leave alone what they do not know', () => {
    const { api, run } = world()
    run('evaluate', { score: 5 })
    run('constructor')
    for (const call of Object.values(api)) expect(call).not.toHaveBeenCalled()
  })

  it('take what is no object for nothing', () => {
    const { api, run } = world()
    for (const odd of [null, undefined, 5, true]) run('assign', odd)
    expect(api.assign.mock.calls).toEqual([[{}], [{}], [{}], [{}]])
  })
})
