import { ApiError } from '@qiatan/api'
import { effectScope, nextTick, shallowRef, type Ref } from 'vue'
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

  it('keeps what was typed on while it was being saved, as a change that is still to be saved', async () => {
    let stored = (): void => undefined
    const saved: Partial<Fields>[] = []
    const { source, draft, changes, conflict, save: submit } = form(async (changed) => {
      saved.push(changed)
      await new Promise<void>((resolve) => { stored = resolve })
      source.value = { ...first, ...source.value, ...changed, version: (source.value?.version ?? 1) + 1 }
    })
    if (draft.value) draft.value.name = 'b'
    const saving = submit()
    if (draft.value) draft.value.note = 'typed on'
    stored()
    await saving
    await nextTick()

    expect(draft.value).toEqual({ name: 'b', note: 'typed on' })
    expect([changes.value, conflict.value]).toEqual([1, false])
    const second = submit()
    stored()
    await second
    expect(saved).toEqual([{ name: 'b' }, { note: 'typed on' }])
    expect(changes.value).toBe(0)
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

interface House {
  id: string
  name: string
  settings: { title: string; greeting: string; sites: string[] }
  version: number
}

const house: House = { id: '1', name: 'h', settings: { title: 't', greeting: 'g', sites: ['a'] }, version: 1 }

describe('a form with a field made of parts', () => {
  type HouseFields = Pick<House, 'name' | 'settings'>

  function houseForm() {
    scope = effectScope()
    const source = shallowRef<House | null>(house)
    const save = vi.fn(() => Promise.resolve())
    const made = scope.run(() => useDraft<HouseFields, House, 'settings'>({
      source: () => source.value, fields: ({ name, settings }) => ({ name, settings }), parts: ['settings'], save, refetch: () => Promise.resolve(),
    }))
    if (!made?.draft.value) throw new Error('the form is empty')
    return { source, sent: save, form: made, draft: made.draft as Ref<HouseFields> }
  }

  it('counts and sends the changed parts only', async () => {
    const { form, draft, sent } = houseForm()
    draft.value.settings = { ...draft.value.settings, greeting: 'mine', sites: ['a', 'b'] }
    expect(form.changes.value).toBe(2)
    draft.value.name = 'mine'
    expect(form.changes.value).toBe(3)
    await form.save()
    expect(sent).toHaveBeenCalledWith({ name: 'mine', settings: { greeting: 'mine', sites: ['a', 'b'] } }, 1, house)
  })

  it('keeps what the other person changed beside the own changes', async () => {
    const { source, form, draft, sent } = houseForm()
    draft.value.settings.greeting = 'mine'
    source.value = { ...house, settings: { ...house.settings, title: 'theirs' }, version: 2 }
    await nextTick()
    expect(form.conflict.value).toBe(true)
    form.keepMine()
    expect(draft.value.settings).toEqual({ title: 'theirs', greeting: 'mine', sites: ['a'] })
    expect(form.changes.value).toBe(1)
    await form.save()
    expect(sent).toHaveBeenCalledWith({ settings: { greeting: 'mine' } }, 2, source.value)
  })

  it('knows no change once a part is as it was', () => {
    const { form, draft } = houseForm()
    draft.value.settings.title = 'x'
    draft.value.settings.title = 't'
    expect(form.changes.value).toBe(0)
  })
})
