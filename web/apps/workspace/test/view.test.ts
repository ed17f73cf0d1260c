// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest'

async function opened(path: string) {
  vi.resetModules()
  window.history.replaceState(null, '', path)
  return import('../src/view')
}

beforeEach(() => window.sessionStorage.clear())

describe('looking as a colleague', () => {
  it('begins with the address, which forgets the permission at once', async () => {
    const { view, viewToken } = await opened('/app/conversations?x=1#view=ticket.signed')
    expect(viewToken()).toBe('ticket.signed')
    expect(view.active.value).toBe(true)
    expect(window.location.href).toMatch(/\/app\/conversations\?x=1$/)
  })

  it('goes on over a reload of its tab, and only there', async () => {
    await opened('/app/#view=ticket')
    expect((await opened('/app/')).viewToken()).toBe('ticket')
    window.sessionStorage.clear()
    expect((await opened('/app/')).viewToken()).toBeNull()
  })

  it('leaves other fragments alone', async () => {
    await opened('/app/link#token=abc')
    expect(window.location.hash).toBe('#token=abc')
  })

  it('is over for good: a reload shows the own account', async () => {
    const { view, viewOver, viewToken } = await opened('/app/#view=ticket')
    viewOver()
    expect([viewToken(), view.active.value, view.ended.value]).toEqual([null, false, true])
    expect((await opened('/app/')).viewToken()).toBeNull()
  })

  it('is not over where it never was', async () => {
    const { view, viewOver } = await opened('/app/')
    viewOver()
    expect(view.ended.value).toBe(false)
  })
})
