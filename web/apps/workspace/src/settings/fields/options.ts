export const MAX_OPTIONS = 50
export const OPTION_LENGTH = 60
const LEAST = 2

/** The options as they are typed, one a line; blank lines are none. */
export function optionsOf(typed: string): string[] {
  return typed.split('\n').map((one) => one.trim()).filter((one) => one !== '')
}

export type OptionFault = { code: 'needOptions' | 'tooManyOptions' | 'optionLong' } | { code: 'twice'; option: string }

/** What is wrong with the options of a choice, or null. */
export function optionFault(options: readonly string[]): OptionFault | null {
  if (options.length < LEAST) return { code: 'needOptions' }
  if (options.length > MAX_OPTIONS) return { code: 'tooManyOptions' }
  if (options.some((one) => [...one].length > OPTION_LENGTH)) return { code: 'optionLong' }
  const twice = options.find((one, at) => options.indexOf(one) !== at)
  return twice === undefined ? null : { code: 'twice', option: twice }
}
