import type { Group, Scope } from '@qiatan/api'
import { t, tn } from '../../i18n'
import { joined } from '../../ui/access'

function namesOf(scope: Scope, groups: readonly Group[]): string {
  return joined(groups.filter((group) => scope.group_ids.includes(group.id)).map((group) => group.name))
}

/** A scope beside a name: 仅自己, 部分：售后组, 全部. */
export function scopeText(scope: Scope, groups: readonly Group[]): string {
  if (scope.kind === 'self') return t('settings.agent.scopeSelf')
  if (scope.kind === 'all') return t('settings.agent.scopeAll')
  const names = namesOf(scope, groups)
  return names === '' ? t('settings.agent.scopeGroups') : t('access.pointIn', { module: t('settings.agent.scopeGroups'), point: names })
}

/** How far a scope reaches now, with the number of colleagues in it. */
export function reachText(scope: Scope, groups: readonly Group[], count: number): string {
  if (scope.kind === 'self') return t('access.sees.scopeSelf')
  if (scope.kind === 'all') return tn('access.sees.scopeAll', count)
  return tn('access.sees.scopeGroups', count, { groups: namesOf(scope, groups) || t('settings.agent.scopeGroups') })
}
