import type { ApiClient, Download, RequestOptions } from './client'
import type { Schemas } from './schemas'
import type { AuditEntry, Id, Instant, Page } from './types'

export type RegionShown = Schemas['RegionShown']
export type LoginPolicy = Schemas['LoginPolicy']
export type TrustedAddress = Schemas['TrustedAddress']
export type LoginVerdict = Schemas['LoginVerdict']
export type LoginReason = Schemas['LoginReason']
export type LoginMethod = Schemas['LoginMethod']
export type LoginEntry = Schemas['LoginEntry']
export type PolicyPreview = Schemas['PolicyPreview']
export type ApiKey = Schemas['ApiKey']
export type CreatedApiKey = Schemas['CreatedApiKey']
export type OidcSettings = Schemas['OidcSettings']

export interface TrustedDraft {
  first: string
  /** The end of a range; null for one address or a network. */
  last: string | null
  note: string
}

/** What the sign-in rules would be. */
export interface PolicyDraft {
  enabled: boolean
  role_ids: Id[]
  regions: string[]
  trusted: TrustedDraft[]
}

export interface LoginFilter {
  agent_id?: Id | null
  allowed?: boolean | null
  from?: Instant | null
  to?: Instant | null
}

export interface AuditFilter {
  actor_id?: Id | null
  /** A whole name like `role.changed`, or its first part. */
  action?: string | null
  subject_kind?: string | null
  subject_id?: Id | null
  from?: Instant | null
  to?: Instant | null
}

export interface OidcChange {
  enabled: boolean
  label: string
  issuer: string
  client_id: string
  /** Left out, the present one stays. */
  client_secret?: string
  version: number
}

const LOG_PAGE = 50
const EXPORT_TIMEOUT_MS = 120_000

/** Sign-in rules, login log, identity provider, audit log and API keys: one function each call of the protocol. */
export function securityEndpoints(client: ApiClient) {
  const exported = (path: string, query: LoginFilter | AuditFilter): Promise<Download> =>
    client.download(path, { query: { ...query }, timeoutMs: EXPORT_TIMEOUT_MS })

  return {
    loginPolicy: (options?: RequestOptions) => client.get<LoginPolicy>('/security/login-policy', options),
    changeLoginPolicy: (body: PolicyDraft & { confirm_lock_out: boolean; version: number }) =>
      client.put<LoginPolicy>('/security/login-policy', body),
    previewLoginPolicy: (draft: PolicyDraft, options?: RequestOptions) =>
      client.post<PolicyPreview>('/security/login-policy/preview', draft, options),
    tryAddress: (body: { address: string; role_id: Id; draft: PolicyDraft | null }) =>
      client.post<LoginVerdict>('/security/login-policy/trial', body),
    loginLog: (filter: LoginFilter, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<LoginEntry>>('/security/login-log', { ...options, query: { ...filter, after, limit: LOG_PAGE } }),
    exportLoginLog: (filter: LoginFilter) => exported('/security/login-log/export', filter),

    oidc: (options?: RequestOptions) => client.get<OidcSettings>('/security/oidc', options),
    changeOidc: (body: OidcChange) => client.put<OidcSettings>('/security/oidc', body),
    testOidc: (body: OidcChange) => client.post<null>('/security/oidc/test', body),
    removeOidc: () => client.delete<null>('/security/oidc'),

    audit: (filter: AuditFilter, after: string | null, options: RequestOptions = {}) =>
      client.get<Page<AuditEntry>>('/audit', { ...options, query: { ...filter, after, limit: LOG_PAGE } }),
    exportAudit: (filter: AuditFilter) => exported('/audit/export', filter),

    apiKeys: (after: string | null, options: RequestOptions = {}) =>
      client.get<Page<ApiKey>>('/api-keys', { ...options, query: { after, limit: LOG_PAGE } }),
    // Not `create`: the server keeps no answer that holds a secret, so it could not give it a second time.
    createApiKey: (body: { name: string; points: string[]; expires_at: Instant | null; password: string | null }) => client.post<CreatedApiKey>('/api-keys', body),
    revokeApiKey: (key: Id) => client.delete<null>(`/api-keys/${encodeURIComponent(key)}`),
  }
}
