// @vitest-environment jsdom
import { mount } from '@vue/test-utils'
import { nextTick, ref } from 'vue'
import { expect, it } from 'vitest'
import StepInput from '../StepInput.vue'

async function type(typed: string, before: number): Promise<{ value: number; shown: string }> {
  const value = ref(before)
  const wrapper = mount({
    components: { StepInput },
    setup: () => ({ value }),
    template: '<StepInput v-model="value" :min="10" :max="500" less="less" more="more" />',
  })
  const input = wrapper.get('input')
  input.element.value = typed
  await input.trigger('change')
  await nextTick()
  return { value: value.value, shown: input.element.value }
}

it.each([
  ['more than the most, at the most', '600', 500, 500],
  ['more than the most', '600', 20, 500],
  ['less than the least, at the least', '1', 10, 10],
  ['a part of one', '20.4', 20, 20],
  ['letters', 'many', 20, 20],
  ['nothing', '', 20, 20],
  ['another number', '30', 20, 30],
])('the field shows the number that holds, whatever is typed: %s', async (_, typed, before, holds) => {
  expect(await type(typed, before)).toEqual({ value: holds, shown: String(holds) })
})
