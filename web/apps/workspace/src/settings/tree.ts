import type { Point } from '@qiatan/api'
import type { MessageKey } from '../i18n'

export interface TreeItem {
  to: string
  label: MessageKey
  /** Who lacks it does not see the entry; whoever comes by an address is told on the page what is missing. */
  point: Point | null
  /** Another point that opens a part of the page. */
  also?: Point
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
          'notify.sounds', 'notify.desktop', 'notify.push', 'notify.quiet', 'desk.writing.sendMode', 'desk.writing.replies', 'desk.keys.title',
        ],
      },
      {
        to: '/settings/own-security',
        label: 'own.page',
        point: null,
        holds: ['own.factors.title', 'own.totp.title', 'own.passkey.title', 'own.codes.title', 'settings.profile.password', 'own.sessions.title'],
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
          'settings.agent.disable', 'settings.agent.groups', 'access.agent.staffNumber', 'access.agent.visitorRegions', 'access.agent.resetPassword',
          'access.agent.resetTwoFactor', 'access.sees.viewAs',
        ],
      },
      {
        to: '/settings/roles',
        label: 'settings.tree.roles',
        point: 'agents.view',
        holds: ['access.role.create', 'access.role.twoFactor', 'access.role.who', 'access.template.specialist.name', 'access.template.group_leader.name'],
      },
      {
        to: '/settings/security',
        label: 'security.tree.policy',
        point: 'security.view',
        also: 'security.logins',
        holds: ['security.policy.roles', 'security.policy.regions', 'security.policy.trusted', 'security.log.title', 'security.trial.label'],
      },
      {
        to: '/settings/sso',
        label: 'security.tree.oidc',
        point: 'security.view',
        holds: ['security.oidc.provider', 'security.oidc.issuer', 'security.oidc.clientId', 'security.oidc.redirect', 'security.oidc.signIn'],
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
          'settings.web.offlineText', 'settings.web.language', 'settings.web.mobile', 'settings.web.install', 'settings.web.csp', 'service.link.title',
        ],
      },
    ],
  },
  {
    label: 'assignment.tree',
    items: [
      {
        to: '/settings/assignment',
        label: 'assignment.title',
        point: 'routing.view',
        holds: [
          'assignment.layer.specified', 'assignment.layer.advanced', 'assignment.layer.returning', 'assignment.layer.base', 'assignment.base.rotate', 'assignment.base.priority',
          'assignment.base.load', 'assignment.base.fill_up', 'assignment.order.title', 'assignment.trial.title', 'assignment.sim.open',
        ],
      },
      {
        to: '/settings/rules',
        label: 'service.rules.title',
        point: 'conversations.view_rules',
        also: 'routing.view',
        holds: ['service.rules.delayed', 'service.rules.byHand', 'service.rules.absent', 'service.rules.autoEnd', 'evaluation.title', 'evaluation.prompt', 'service.rules.grading', 'service.rules.gold'],
      },
      {
        to: '/settings/queue',
        label: 'service.queue.title',
        point: 'routing.view',
        holds: ['service.queue.limit', 'service.queue.maxWait', 'service.queue.text'],
      },
      {
        to: '/settings/hours',
        label: 'service.hours.title',
        point: 'routing.view',
        holds: ['service.hours.week', 'service.hours.days', 'service.hours.on', 'service.hours.outside', 'service.hours.import'],
      },
      {
        to: '/settings/replies',
        label: 'replies.title',
        point: 'replies.use',
        holds: ['replies.enterpriseLong', 'replies.ownLong', 'replies.group.create', 'replies.transfer.import', 'replies.transfer.export', 'replies.form.variable'],
      },
      {
        to: '/settings/attendance',
        label: 'service.attendance.title',
        point: 'routing.attendance',
        holds: ['service.attendance.first', 'service.attendance.last'],
      },
    ],
  },
  {
    label: 'customers.tree.group',
    items: [
      {
        to: '/settings/tags',
        label: 'customers.tree.tags',
        point: 'tags.edit',
        holds: ['customers.tagPage.customer', 'customers.tagPage.conversation', 'customers.tagPage.createGroup', 'customers.tagPage.color'],
      },
      {
        to: '/settings/customer-fields',
        label: 'customers.tree.fields',
        point: 'customers.fields',
        holds: ['customers.fieldPage.create', 'customers.fieldPage.builtin', 'customers.fieldPage.options'],
      },
      {
        to: '/settings/blacklist',
        label: 'customers.tree.blacklist',
        point: 'customers.block',
        holds: ['customers.block.open', 'customers.blacklist.release', 'customers.blacklist.sameAddress'],
      },
    ],
  },
  {
    label: 'security.tree.developer',
    items: [
      {
        to: '/settings/api-keys',
        label: 'security.tree.keys',
        point: 'api_keys.manage',
        holds: ['security.keys.create', 'security.keys.expiry', 'security.keys.revoke', 'security.keys.howTo'],
      },
      {
        to: '/settings/audit',
        label: 'security.tree.audit',
        point: 'audit.view',
        holds: ['security.audit.who', 'security.audit.what', 'security.shared.export'],
      },
    ],
  },
  {
    label: 'system.group',
    items: [
      {
        to: '/settings/system',
        label: 'system.title',
        point: 'system.view',
        holds: ['system.line.nodes', 'system.line.database', 'system.line.disk', 'system.line.mail', 'system.line.backups', 'system.line.jobs', 'system.line.counters'],
      },
    ],
  },
]

/** Whether a page has something for whoever may do what `can` says. */
export function opens(item: TreeItem, can: (point: Point) => boolean): boolean {
  return item.point === null || can(item.point) || (item.also !== undefined && can(item.also))
}

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
