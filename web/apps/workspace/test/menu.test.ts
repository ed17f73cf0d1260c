// @vitest-environment jsdom
import { mount } from '@vue/test-utils'
import { nextTick } from 'vue'
import { afterEach, expect, it } from 'vitest'
import MenuButton from '../src/ui/menu/MenuButton.vue'
import MenuItem from '../src/ui/menu/MenuItem.vue'

let chosen: string[] = []

function show() {
  chosen = []
  return mount({
    components: { MenuButton, MenuItem },
    setup: () => ({ choose: (what: string) => { chosen.push(`${what} ${document.activeElement?.tagName}`) } }),
    template: `<MenuButton label="More"><template #button>…</template>
      <MenuItem @choose="choose('a')">A</MenuItem><MenuItem disabled @choose="choose('b')">B</MenuItem><MenuItem divided @choose="choose('c')">C</MenuItem></MenuButton><p>elsewhere</p>`,
  }, { attachTo: document.body })
}
const settled = async (): Promise<void> => {
  await new Promise((done) => { setTimeout(done) })
  for (let turn = 0; turn < 4; turn += 1) await nextTick()
}
const focused = (): string => document.activeElement?.textContent?.trim() ?? ''
afterEach(() => { document.body.replaceChildren() })

it('is closed until it is asked for, and opens at its first entry', async () => {
  const page = show()
  expect(page.find('[role=menu]').exists()).toBe(false)
  await page.get('button').trigger('click')
  await settled()
  expect([page.get('button').attributes('aria-expanded'), page.findAll('[role=menuitem]').length, focused()]).toEqual(['true', 3, 'A'])
})

it('is walked with the keys, past what cannot be chosen, and around', async () => {
  const page = show()
  await page.get('button').trigger('keydown', { key: 'ArrowUp' })
  await settled()
  const seen = [focused()]
  for (const key of ['ArrowDown', 'ArrowDown', 'Home', 'End', 'ArrowUp']) {
    await page.get('[role=menu]').trigger('keydown', { key })
    seen.push(focused())
  }
  expect(seen).toEqual(['C', 'A', 'C', 'A', 'C', 'A'])
})

it('closes with Esc and Tab, the focus back at the button, and nothing chosen', async () => {
  for (const key of ['Escape', 'Tab']) {
    const page = show()
    await page.get('button').trigger('click')
    await settled()
    await page.get('[role=menu]').trigger('keydown', { key })
    expect([page.find('[role=menu]').exists(), document.activeElement === page.get('button').element, chosen]).toEqual([false, true, []])
    page.unmount()
  }
})

it('tells what was chosen, by pointer or key, once the focus is back', async () => {
  const page = show()
  await page.get('button').trigger('click')
  await settled()
  await page.findAll('[role=menuitem]')[2]?.trigger('click')
  await settled()
  await page.get('button').trigger('click')
  await settled()
  await page.get('[role=menu]').trigger('keydown', { key: 'Enter' })
  await settled()
  expect([page.find('[role=menu]').exists(), chosen]).toEqual([false, ['c BUTTON', 'a BUTTON']])
})

it('does nothing, and stays, where an entry cannot be chosen', async () => {
  const page = show()
  await page.get('button').trigger('click')
  await settled()
  await page.findAll('[role=menuitem]')[1]?.trigger('click')
  expect([page.find('[role=menu]').exists(), chosen]).toEqual([true, []])
})
