import type { LoginPolicy, PolicyDraft, TrustedAddress, TrustedDraft } from '@qiatan/api'

export const MAX_TRUSTED = 200
export const MAX_ADDRESS = 64
export const MAX_NOTE = 60

/** What the form edits. Lists whose order means nothing are sorted, so that choosing and leaving out again is no change. */
export function draftOf(policy: LoginPolicy): PolicyDraft {
  return {
    enabled: policy.enabled,
    role_ids: [...policy.role_ids].sort(),
    regions: policy.regions.map((region) => region.code).sort(),
    trusted: policy.trusted.map(({ first, last, note }) => ({ first, last, note })),
  }
}

export function sameAddress(a: Pick<TrustedDraft, 'first' | 'last'>, b: Pick<TrustedDraft, 'first' | 'last'>): boolean {
  return a.first === b.first && (a.last ?? '') === (b.last ?? '')
}

/** When an entry of the form last let somebody in: the saved one with the same address knows. Undefined where it is not saved yet. */
export function lastUsed(entry: TrustedDraft, saved: readonly TrustedAddress[]): string | null | undefined {
  return saved.find((one) => sameAddress(one, entry))?.last_used_at
}

export type PolicyFault = 'needsRole' | 'needsPlace'

/** What a switched-on policy lacks (F02: one role, and one region or address, at least). */
export function policyFault(draft: PolicyDraft): PolicyFault | null {
  if (!draft.enabled) return null
  if (draft.role_ids.length === 0) return 'needsRole'
  return draft.regions.length === 0 && draft.trusted.length === 0 ? 'needsPlace' : null
}

export function toggled(list: readonly string[], item: string, on: boolean): string[] {
  return [...list.filter((one) => one !== item), ...(on ? [item] : [])].sort()
}
