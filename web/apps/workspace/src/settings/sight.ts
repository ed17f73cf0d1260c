import type { MessageKey } from '../i18n'

export type AreaName = 'conversations' | 'routing' | 'agents' | 'channels' | 'enterprise' | 'security'

interface Area {
  name: AreaName
  /** Points that show something. */
  sees: readonly string[]
  /** Points that let something be done with it. */
  can: readonly string[]
}

/** Every point stands in one of these, so that nothing a role may do is left out of what is said about it. */
export const AREAS: readonly Area[] = [
  {
    name: 'conversations',
    sees: ['conversations.serve', 'conversations.take', 'conversations.view_colleagues'],
    can: [
      'conversations.end', 'conversations.transfer', 'conversations.take_over', 'conversations.join', 'conversations.exceed_maximum', 'conversations.invite_evaluation', 'files.send', 'customers.edit', 'customers.edit_notes', 'customers.block',
      'replies.use', 'replies.edit_own', 'replies.edit', 'replies.transfer',
    ],
  },
  { name: 'routing', sees: ['routing.view', 'conversations.view_rules', 'routing.attendance'], can: ['routing.edit', 'conversations.edit_rules'] },
  {
    name: 'agents',
    sees: ['agents.view'],
    can: ['agents.create', 'agents.edit', 'agents.role', 'agents.scope', 'agents.view_as', 'groups.edit', 'roles.edit'],
  },
  { name: 'channels', sees: ['channels.view'], can: ['channels.edit'] },
  { name: 'enterprise', sees: ['enterprise.view', 'system.view'], can: ['enterprise.edit', 'customers.fields', 'tags.edit', 'system.repair'] },
  { name: 'security', sees: ['security.view', 'security.logins', 'audit.view'], can: ['security.edit', 'audit.export', 'api_keys.manage'] },
]

export interface SeenArea {
  name: AreaName
  label: MessageKey
  sees: string[]
  can: string[]
}

/** What these points show and allow, area by area. */
export function sightOf(points: readonly string[]): SeenArea[] {
  const held = new Set(points)
  return AREAS.map(({ name, sees, can }) => ({
    name,
    label: `access.area.${name}`,
    sees: sees.filter((one) => held.has(one)),
    can: can.filter((one) => held.has(one)),
  }))
}
