import type { Routing, RoutingTarget } from '@qiatan/api'
import { currentLocale, t } from '../../i18n'

/** For whom somebody waits, in words. */
export function targetText(target: RoutingTarget | null): string {
  if (target === null || target.kind === 'enterprise') return t('routing.queue.everybody')
  return target.name ?? t(target.kind === 'group' ? 'routing.queue.aGroup' : 'routing.queue.anAgent')
}

/** All for whom somebody waits, the one first in whose queue the place is counted: 「售后组或售前组」. */
function targetsText(routing: Routing): string {
  const names = [routing.target, ...(routing.also ?? [])].map(targetText)
  const more = routing.also_more ?? 0
  if (more > 0) names.push(t('routing.queue.more', { count: more }))
  return new Intl.ListFormat(currentLocale(), { type: 'disjunction' }).format(names)
}

/** Place and targets of who waits: 「第 1 位」「售后组」; nothing of what was left as a message, and while nothing is known. */
export function placeWords(routing: Routing | undefined): string[] {
  if (routing?.state !== 'queued' || routing.position === null) return []
  const place = t('routing.queue.place', { position: routing.position })
  // Everybody is who is waited for unless it is said otherwise: the room goes to what was written.
  return routing.target === null || routing.target.kind === 'enterprise' ? [place] : [place, targetsText(routing)]
}
