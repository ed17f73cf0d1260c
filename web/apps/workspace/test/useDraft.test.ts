import { ApiError } from '@qiatan/api'
import { effectScope, nextTick, shallowRef } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { useDraft } from '../src/ui/useDraft'

interface Thing {
  id: string
  name: string
  note: string
  version: number
}

type Fields = Pick<Thing, 'name' | 'note'>

const first: Thing = { id: '1', name: 'a', note: 'n', version: 1 }
let scope = effectScope()
afterEach(() => scope.stop())

function form(save: (changed: Partial<Fields>, version: number) => Promise<void>, refetch = (): Promise<void> => Promise.resolve()) {
  scope = effectScope()
  const source = shallowRef<Thing | null>(first)
  const made = scope.run(() => useDraft<Fields, Thing>({ source: () => source.value, fields: ({ name, note }) => ({ name, note }), save, refetch }))
  if (!made) throw new Error('the scope is closed')
  return { source, ...made }
}

describe('a form over a versioned object', () => {
  it('sends only what changed, with the version it was read at', async () => {
    const save = vi.fn(() => Promise.resolve())
    const { draft, changes, save: submit } = form(save)
    if (draft.value) draft.value.name = 'b'
    expect(changes.value).toBe(1)
    await submit()
    expect(save).toHaveBeenCalledWith({ name: 'b' }, 1, first)
  })

  it('follows the server while nothing was typed', async () => {
    const { source, draft, conflict } = form(() => Promise.resolve())
    source.value = { ...first, name: 'theirs', version: 2 }
    await nextTick()
    expect(draft.value?.name).toBe('theirs')
    expect(conflict.value).toBe(false)
  })

  it('keeps what was typed and reports the conflict when another person saves first', async () => {
    const { source, draft, conflict } = form(() => Promise.resolve())
    if (draft.value) draft.value.name = 'mine'
    source.value = { ...first, note: 'theirs', version: 2 }
    await nextTick()
    expect(draft.value?.name).toBe('mine')
    expect(conflict.value).toBe(true)
  })

  it('puts the own changes on the newer version on demand', async () => {
    const save = vi.fn(() => Promise.resolve())
    const { source, draft, conflict, keepMine, save: submit } = form(save)
    if (draft.value) draft.value.name = 'mine'
    source.value = { ...first, note: 'theirs', version: 2 }
    await nextTick()
    keepMine()
    expect(conflict.value).toBe(false)
    expect(draft.value).toEqual({ name: 'mine', note: 'theirs' })
    await submit()
    expect(save).toHaveBeenCalledWith({ name: 'mine' }, 2, source.value)
  })

  it('does not call it a conflict when the newer version differs in nothing this form edits', async () => {
    const save = vi.fn(() => Promise.resolve())
    const { source, draft, conflict, save: submit } = form(save)
    if (draft.value) draft.value.name = 'mine'
    source.value = { ...first, version: 2 }
    await nextTick()
    expect(conflict.value).toBe(false)
    await submit()
    expect(save).toHaveBeenCalledWith({ name: 'mine' }, 2, source.value)
  })

  it('fetches the object again after a refusal for an old version, and saves nothing', async () => {
    const refetch = vi.fn(() => Promise.resolve())
    const { draft, conflict, save: submit } = form(
      () => Promise.reject(new ApiError({ code: 'version_conflict', message: '', status: 409 })),
      refetch,
    )
    if (draft.value) draft.value.name = 'mine'
    expect(await submit()).toBe(false)
    expect(refetch).toHaveBeenCalledOnce()
    expect(conflict.value).toBe(true)
    expect(draft.value?.name).toBe('mine')
  })

  it('starts over with another object', async () => {
    const { source, draft, changes } = form(() => Promise.resolve())
    if (draft.value) draft.value.name = 'mine'
    source.value = { ...first, id: '2', name: 'other' }
    await nextTick()
    expect(draft.value?.name).toBe('other')
    expect(changes.value).toBe(0)
  })
})
