import type { OidcSettings } from '@qiatan/api'

export interface OidcFields {
  enabled: boolean
  label: string
  issuer: string
  client_id: string
  /** What was typed; empty where the saved one stays. */
  client_secret: string
}

export function fieldsOf({ enabled, label, issuer, client_id, version }: OidcSettings): OidcFields {
  // Whoever sets a provider up wants to use it.
  return { enabled: version === 0 ? true : enabled, label, issuer, client_id, client_secret: '' }
}

/** True for what the server takes as an issuer: an address of the web without user, query and fragment. */
export function isIssuer(text: string): boolean {
  if (!URL.canParse(text) || /[?#\s]/.test(text)) return false
  const { protocol, username, password } = new URL(text)
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
}

export type OidcFault = 'required' | 'issuerInvalid'

/** What is missing or cannot be meant, by field. The secret belongs to its issuer: another issuer needs another one. */
export function faultsOf(fields: OidcFields, saved: Pick<OidcSettings, 'issuer' | 'version'>): Partial<Record<keyof OidcFields, OidcFault>> {
  const found: Partial<Record<keyof OidcFields, OidcFault>> = {}
  if (fields.label.trim() === '') found.label = 'required'
  if (fields.client_id.trim() === '') found.client_id = 'required'
  if (fields.issuer.trim() === '') found.issuer = 'required'
  else if (!isIssuer(fields.issuer.trim())) found.issuer = 'issuerInvalid'
  if (fields.client_secret === '' && (saved.version === 0 || fields.issuer.trim() !== saved.issuer)) found.client_secret = 'required'
  return found
}
