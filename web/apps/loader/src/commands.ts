import type { Api } from './widget'

export type Command = (name: string, value?: unknown) => void

/** Settings by name that are `undefined` say nothing; what is no object at all says nothing either. */
function given(value: unknown): object {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, one]) => one !== undefined))
}

/**
 * `qiatan('assign', {agents, groups, fallback})`, `('fallback', 1)`, `('metadata', {…})`, `('showPanel', {…})`, `('hidePanel')`. What it does
 * not know it leaves alone: a page written for a later version still works.
 */
export function commands(api: Api): Command {
  return (name, value) => {
    if (name === 'assign') api.assign(given(value))
    else if (name === 'fallback') api.assign({ fallback: value as 1 })
    else if (name === 'metadata') api.metadata(given(value) as Record<string, string | null>)
    else if (name === 'showPanel') api.open(given(value))
    else if (name === 'hidePanel') api.close()
  }
}
