import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, HostStorage } from '../src/state/host-storage'
import type { Kept } from '../src/state/bridge'

let told: (string | null)[]
const note = (event: StorageEvent): void => void told.push(event.key)

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000 })
  told = []
  window.addEventListener('storage', note)
})
afterEach(() => {
  window.removeEventListener('storage', note)
  vi.useRealTimers()
})

describe('HostStorage', () => {
  it('reads what the page kept, and only entries of ours in our shape', () => {
    const nonsense = { 'qiatan.a': ['one', 1], 'qiatan.b': [null, 2], talking: ['1', 3], 'qiatan.c': [7, 1], 'qiatan.d': null, 'qiatan.e': ['x', Infinity] } as unknown as Kept
    const store = new HostStorage(nonsense, () => undefined)
    expect(store.keys()).toEqual(['qiatan.a'])
    expect(store.getItem('qiatan.a')).toBe('one')
    expect(store.getItem('qiatan.b')).toBeNull()
  })

  it('hands every change to the loader, each later than the one before', () => {
    const kept: Kept[] = []
    const store = new HostStorage({ 'qiatan.a': ['old', 5_000] }, (changes) => kept.push(changes))
    store.setItem('qiatan.a', 'new')
    store.removeItem('qiatan.a')
    store.removeItem('qiatan.a')
    expect(kept).toEqual([{ 'qiatan.a': ['new', 5_001] }, { 'qiatan.a': [null, 5_002] }])
    expect(store.keys()).toEqual([])
  })

  it('follows the other tabs and tells what changed', () => {
    const store = new HostStorage({ 'qiatan.a': ['1', 1], 'qiatan.gone': ['1', 1], 'qiatan.same': ['1', 1] }, () => undefined)
    store.take({ 'qiatan.a': ['2', 2], 'qiatan.new': ['3', 2], 'qiatan.same': ['1', 1] })
    expect(told.sort()).toEqual(['qiatan.a', 'qiatan.gone', 'qiatan.new'])
    expect(store.keys().sort()).toEqual(['qiatan.a', 'qiatan.new', 'qiatan.same'])
  })

  it('puts back what another tab’s writing took away, and takes a newer removal', () => {
    const kept: Kept[] = []
    const store = new HostStorage({}, (changes) => kept.push(changes))
    store.setItem('qiatan.mine', 'unsent')
    store.take({ 'qiatan.other': ['2', 900] })
    expect(kept.at(-1)).toEqual({ 'qiatan.mine': ['unsent', 1_000] })
    expect(store.getItem('qiatan.mine')).toBe('unsent')
    store.take({ 'qiatan.mine': [null, 2_000] })
    expect(store.getItem('qiatan.mine')).toBeNull()
    expect(kept.length).toBe(2)
  })
})

describe('connect', () => {
  it('waits for the loader, hears it again later, and gives up after two seconds', async () => {
    let answer: (kept: Kept | null) => void = () => undefined
    const found = connect((listener) => void (answer = listener), () => undefined)
    answer({ 'qiatan.a': ['1', 1] })
    const store = await found
    expect(store?.getItem('qiatan.a')).toBe('1')
    answer({ 'qiatan.a': ['2', 2] })
    expect(store?.getItem('qiatan.a')).toBe('2')
    const refused = connect((listener) => listener(null), () => undefined)
    expect(await refused).toBeNull()
    const silent = connect(() => undefined, () => undefined)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await silent).toBeNull()
  })
})
