import type { Point } from '@qiatan/api'
import type { MessageKey } from '../i18n'

export interface TreeItem {
  to: string
  label: MessageKey
  /** Who lacks it sees the entry and, on the page, what is missing. */
  point: Point | null
  /** Names of what the page holds: search finds the page by them. */
  holds: readonly MessageKey[]
}

export interface TreeGroup {
  label: MessageKey
  items: readonly TreeItem[]
}

export const TREE: readonly TreeGroup[] = [
  {
    label: 'settings.tree.own',
    items: [
      {
        to: '/settings/profile',
        label: 'settings.tree.profile',
        point: null,
        holds: [
          'settings.profile.avatar', 'settings.profile.name', 'settings.profile.publicName', 'settings.profile.language', 'settings.profile.theme',
          'settings.profile.sound', 'settings.profile.desktop', 'settings.profile.password',
        ],
      },
    ],
  },
  {
    label: 'settings.tree.company',
    items: [
      {
        to: '/settings/enterprise',
        label: 'settings.tree.enterprise',
        point: 'enterprise.view',
        holds: ['settings.enterprise.name', 'settings.enterprise.timezone', 'settings.enterprise.typingPreview'],
      },
      {
        to: '/settings/agents',
        label: 'settings.tree.agents',
        point: 'agents.view',
        holds: [
          'settings.agents.invite', 'settings.agents.newGroup', 'settings.agent.role', 'settings.agent.scope', 'settings.agent.max',
          'settings.agent.disable', 'settings.agent.groups',
        ],
      },
    ],
  },
  {
    label: 'settings.tree.channels',
    items: [
      {
        to: '/settings/web',
        label: 'settings.tree.web',
        point: 'channels.view',
        holds: [
          'settings.web.color', 'settings.web.launcher', 'settings.web.position', 'settings.web.title', 'settings.web.greeting',
          'settings.web.offlineText', 'settings.web.language', 'settings.web.mobile', 'settings.web.install', 'settings.web.csp',
        ],
      },
    ],
  },
]

export interface Found extends TreeItem {
  /** What the search matched besides the name, as drawn. */
  matched: string[]
}

const MOST_MATCHES = 3

/** The tree with only what matches `query`, in the words of the language the reader sees. Without a query, all of it. */
export function searchTree(query: string, text: (key: MessageKey) => string): { label: string; items: Found[] }[] {
  const wanted = query.trim().toLocaleLowerCase()
  const matches = (words: string): boolean => words.toLocaleLowerCase().includes(wanted)
  return TREE.map((group) => ({
    label: text(group.label),
    items: group.items.flatMap((item): Found[] => {
      if (wanted === '') return [{ ...item, matched: [] }]
      const matched = item.holds.map(text).filter(matches).slice(0, MOST_MATCHES)
      return matches(text(item.label)) || matched.length > 0 ? [{ ...item, matched }] : []
    }),
  })).filter((group) => group.items.length > 0)
}
