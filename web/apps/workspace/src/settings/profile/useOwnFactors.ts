import type { OwnSecurity, Passkey, TotpSetup } from '@qiatan/api'
import { createPasskey } from '../../auth/passkeys'
import { api } from '../../api'
import { PasskeyAbandoned, PasskeyKnown } from '../../auth/passkeys'
import { t } from '../../i18n'
import { errorText } from '../../ui/errors'

/** What is done to a factor after the own password was given. */
export type Deed =
  | { kind: 'add-totp' }
  | { kind: 'remove-totp' }
  | { kind: 'add-passkey' }
  | { kind: 'remove-passkey'; passkey: Passkey }
  | { kind: 'make-codes' }

export type Outcome = { setup: TotpSetup } | { codes: string[] }

/** Does it; throws `ApiError` and what passkeys.ts throws. */
export async function perform(deed: Deed, password: string | null, name: string): Promise<Outcome> {
  switch (deed.kind) {
    case 'add-totp':
      return { setup: await api.beginTotp(password) }
    case 'remove-totp':
      await api.removeTotp(password)
      return { codes: [] }
    case 'add-passkey': {
      const { challenge, options } = await api.beginPasskey(password)
      return { codes: await api.addPasskey({ challenge, name, credential: await createPasskey(options) }) }
    }
    case 'remove-passkey':
      await api.removePasskey(deed.passkey.id, password)
      return { codes: [] }
    case 'make-codes':
      return { codes: await api.makeRecoveryCodes(password) }
  }
}

/** Whether this is the last thing that asks for more than the password. */
export function isLastFactor(deed: Deed, security: OwnSecurity): boolean {
  const factors = (security.totp ? 1 : 0) + security.passkeys.length
  return (deed.kind === 'remove-totp' || deed.kind === 'remove-passkey') && factors === 1
}

/** One sentence about what failed. */
export function deedFault(error: unknown): string {
  if (error instanceof PasskeyAbandoned) return t('own.passkey.abandoned')
  if (error instanceof PasskeyKnown) return t('own.passkey.known')
  if (error instanceof DOMException) return t('own.passkey.impossible')
  return errorText(error)
}
