import type { Credential } from '@qiatan/api'

/** The person closed the browser's dialog, or let it wait too long: no fault, and nothing happened. */
export class PasskeyAbandoned extends Error {
  constructor() {
    super('the passkey dialog was left')
    this.name = 'PasskeyAbandoned'
  }
}

/** This device holds a passkey of this account already. */
export class PasskeyKnown extends Error {
  constructor() {
    super('the device has a passkey of this account')
    this.name = 'PasskeyKnown'
  }
}

/** A passkey belongs to a name: an address of numbers can have none, and nothing can that is not secure. */
function isName(host: string): boolean {
  return !/^[\d.]+$/.test(host) && !host.includes(':')
}

/** What keeps passkeys from being used here: the address, or the browser. The address comes first, because at a wrong one browsers hide what they can do. */
export function passkeyObstacle(host: string = window.location.hostname): 'address' | 'browser' | null {
  if (!window.isSecureContext || !isName(host)) return 'address'
  return 'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential ? null : 'browser'
}

/** Whether this browser can use passkeys at this address. */
export function passkeysSupported(host?: string): boolean {
  return passkeyObstacle(host) === null
}

/** The address with a name at which the same machine could use passkeys; null where only whoever runs it can give it one. */
export function namedAddress(location: Pick<Location, 'protocol' | 'hostname' | 'port'> = window.location): string | null {
  if (location.hostname !== '127.0.0.1' && location.hostname !== '[::1]') return null
  return `${location.protocol}//localhost${location.port === '' ? '' : `:${location.port}`}`
}

function told(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error
  if (error.name === 'NotAllowedError' || error.name === 'AbortError') return new PasskeyAbandoned()
  return error.name === 'InvalidStateError' ? new PasskeyKnown() : error
}

function json(credential: globalThis.Credential | null): Credential {
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyAbandoned()
  return { ...credential.toJSON() }
}

/** Lets the browser prove that one of the account's passkeys is here. Throws `PasskeyAbandoned`. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON): Promise<Credential> {
  try {
    return json(await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }))
  } catch (error) {
    throw told(error)
  }
}

/** Lets the browser make a passkey. Throws `PasskeyAbandoned` and `PasskeyKnown`. */
export async function createPasskey(options: PublicKeyCredentialCreationOptionsJSON): Promise<Credential> {
  try {
    return json(await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }))
  } catch (error) {
    throw told(error)
  }
}
