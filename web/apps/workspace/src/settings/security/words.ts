import type { LoginEntry, LoginVerdict, RegionShown } from '@qiatan/api'
import { currentLocale, isMessageKey, t } from '../../i18n'
import { regionPath } from '../../ui/regions'

export function regionText(region: RegionShown): string {
  return region.code === '' ? t('security.shared.unknownRegion') : regionPath(region.code, currentLocale())
}

/** Why a sign-in was let in or turned away, in few words. */
export function reasonText({ method, allowed, reason }: Pick<LoginEntry, 'method' | 'allowed' | 'reason'>): string {
  if (method === 'session' && !allowed) return t('security.log.changed')
  const key = `security.reason.${reason}`
  return isMessageKey(key) ? t(key) : reason
}

/** What the rules say of an address, in a sentence that follows the verdict. */
export function verdictText(verdict: LoginVerdict): string {
  const key = `security.trial.${verdict.reason}`
  return isMessageKey(key) ? t(key, { region: regionText(verdict.region) }) : verdict.reason
}
