import { useLocalStorage } from '@vueuse/core'
import { computed, type ComputedRef, type Ref } from 'vue'

/** A column's limits in pixels. Below the smallest the content no longer reads; above the largest it takes from the messages. */
export interface ColumnLimits {
  initial: number
  min: number
  max: number
}

export const LIST: ColumnLimits = { initial: 280, min: 220, max: 420 }
export const SIDE: ColumnLimits = { initial: 320, min: 260, max: 480 }

export interface Column {
  /** Present width within the limits. */
  width: ComputedRef<number>
  collapsed: Ref<boolean>
  resize: (width: number) => void
  reset: () => void
  limits: ColumnLimits
}

/** A column whose width and fold are remembered in this browser under `qiatan.column.<name>`. */
export function useColumn(name: string, limits: ColumnLimits): Column {
  const stored = useLocalStorage(`qiatan.column.${name}`, limits.initial)
  const collapsed = useLocalStorage(`qiatan.column.${name}.collapsed`, false)
  const width = computed(() => clamp(stored.value, limits))
  return {
    width,
    collapsed,
    limits,
    resize: (next) => { stored.value = clamp(next, limits); },
    reset: () => { stored.value = limits.initial; },
  }
}

function clamp(width: number, { initial, min, max }: ColumnLimits): number {
  return Number.isFinite(width) ? Math.min(max, Math.max(min, Math.round(width))) : initial
}
