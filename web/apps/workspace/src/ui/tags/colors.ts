import type { TagColor } from '@qiatan/api'

/** The colours a tag may have, in the order in which they are offered. */
export const TAG_COLORS = ['gray', 'blue', 'cyan', 'green', 'amber', 'red', 'purple', 'pink'] as const satisfies readonly TagColor[]

/** A colour this page knows; one that a newer server names is drawn grey. */
export function tagColor(color: string): TagColor {
  return TAG_COLORS.find((one) => one === color) ?? 'gray'
}
