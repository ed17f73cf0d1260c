import { computed, type ComputedRef } from 'vue'
import { useSession } from '../../stores/session'
import type { Reader } from './rights'

/** Who reads the page, as far as it decides what they may hand out. */
export function useReader(): ComputedRef<Reader> {
  const session = useSession()
  return computed(() => ({
    id: session.agent?.id ?? '',
    scope: session.agent?.scope ?? { kind: 'self', group_ids: [] },
    can: (point) => session.can(point),
    holds: session.points,
  }))
}
