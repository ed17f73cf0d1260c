import type { Options } from '@popperjs/core'

/**
 * For menus that stay inside the part of the page they belong to (`:teleported="false"`), so that they are in its landmark and
 * come next in reading order. Fixed, so that a scrolling column does not cut them off.
 */
export const IN_PLACE: Partial<Options> = { strategy: 'fixed', modifiers: [{ name: 'preventOverflow', options: { padding: 8 } }] }
