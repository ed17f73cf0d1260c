import { useSortable } from '@vueuse/integrations/useSortable'
import { toValue, watch, type MaybeRefOrGetter, type ShallowRef } from 'vue'

/**
 * Puts a list in order by dragging its handles (`.grip`). The rows stay where Vue put them: only `move` is told, and draws anew.
 * `off` leaves everything in its place.
 */
export function useSorting(list: Readonly<ShallowRef<HTMLElement | null>>, move: (from: number, to: number) => void, off: MaybeRefOrGetter<boolean>): void {
  let next: Node | null = null
  const sortable = useSortable(list, [], {
    handle: '.grip',
    animation: 120,
    disabled: toValue(off),
    watchElement: true,
    // Vue's own marks lie between the rows, so a row goes back to before whatever stood behind it, not to a number.
    onStart: ({ item }) => { next = item.nextSibling },
    onUpdate: ({ item, from, oldIndex, newIndex }) => {
      if (oldIndex === undefined || newIndex === undefined) return
      from.insertBefore(item, next)
      move(oldIndex, newIndex)
    },
  })
  watch(() => toValue(off), (now) => { sortable.option('disabled', now) })
}
