import { ASKING_OTHERS_TIMEOUT_MS, type ApiClient, type RequestOptions } from './client'
import type { Schemas } from './schemas'
import type { Id, Instance, Locale, Me } from './types'

export type OwnSecurity = Schemas['OwnSecurity']
export type OwnSession = Schemas['OwnSession']
export type Passkey = Schemas['Passkey']
export type TotpSetup = Schemas['TotpSetup']
export type OidcShown = Schemas['OidcShown']
export type FactorMethod = Schemas['SecondFactor']['methods'][number]
export type Viewer = Schemas['Viewer']
export type Preferences = Schemas['Preferences']
export type PreferencesShown = Schemas['PreferencesShown']
export type PushState = Schemas['PushState']
export type PushSubscriptionGiven = Schemas['SavePush']

/** What must follow the password, with the browser's name for what WebAuthn takes. */
export type SecondFactor = Omit<Schemas['SecondFactor'], 'passkey'> & { passkey: PublicKeyCredentialRequestOptionsJSON | null }

/** Exactly one of the two is there. */
export interface SignInAnswer {
  me: Me | null
  second_factor: SecondFactor | null
}

interface Challenge<Options> {
  challenge: string
  options: Options
}

/** What a browser's credential says of itself: `PublicKeyCredential.toJSON()`. */
export type Credential = Readonly<Record<string, unknown>>

/** What is given as the second factor: exactly one. */
export type FactorGiven = { totp: string } | { recovery_code: string } | { passkey: Credential }

/** The own password once more; null for an account that has none. */
function confirmed(password: string | null): { password?: string } {
  return password === null ? {} : { password }
}

/** Signing in by steps, and the security of the own account: one function each call of the protocol. */
export function ownEndpoints(client: ApiClient) {
  return {
    instance: (options?: RequestOptions) => client.get<Instance>('/instance', options),
    signUp: (body: { enterprise_name: string; name: string; email: string; password: string; locale: string }) => client.post<Me>('/signup', body),
    signIn: (body: { email: string; password: string }) => client.post<SignInAnswer>('/session', body),
    signInByLink: (token: string) => client.post<SignInAnswer>('/session/link', { token }),
    giveSecondFactor: (challenge: string, given: FactorGiven) => client.post<Me>('/session/second-factor', { challenge, ...given }),
    passkeySignIn: () => client.post<Challenge<PublicKeyCredentialRequestOptionsJSON>>('/session/passkey/options'),
    signInByPasskey: (challenge: string, credential: Credential) => client.post<Me>('/session/passkey', { challenge, credential }),
    oidcOf: (enterprise: Id, options?: RequestOptions) => client.get<OidcShown>(`/session/oidc/${encodeURIComponent(enterprise)}`, options),
    startOidc: (enterprise_id: Id) => client.post<{ url: string }>('/session/oidc', { enterprise_id }),
    finishOidc: (body: { enterprise_id: Id; state: string; code: string; iss: string | null }) =>
      client.post<SignInAnswer>('/session/oidc/finish', body, { timeoutMs: ASKING_OTHERS_TIMEOUT_MS }),
    signOut: () => client.delete<null>('/session'),

    askPasswordReset: (email: string, locale: Locale) => client.post<null>('/password-reset', { email, locale }),
    lookUpPasswordReset: (token: string) => client.post<{ email: string }>('/password-reset/lookup', { token }),
    finishPasswordReset: (token: string, password: string) => client.post<null>('/password-reset/finish', { token, password }),

    preferences: (options?: RequestOptions) => client.get<PreferencesShown>('/me/preferences', options),
    push: (options?: RequestOptions) => client.get<PushState>('/me/push', options),
    savePush: (subscription: PushSubscriptionGiven) => client.put<PushState>('/me/push', subscription),
    deletePush: () => client.delete<null>('/me/push'),
    savePreferences: (settings: Preferences, version: number) => client.put<PreferencesShown>('/me/preferences', { settings, version }),

    ownSecurity: (options?: RequestOptions) => client.get<OwnSecurity>('/me/security', options),
    beginTotp: (password: string | null) => client.post<TotpSetup>('/me/totp', confirmed(password)),
    confirmTotp: async (code: string) => (await client.put<{ codes: string[] }>('/me/totp', { code })).codes,
    removeTotp: (password: string | null) => client.delete<null>('/me/totp', confirmed(password)),
    beginPasskey: (password: string | null) =>
      client.post<Challenge<PublicKeyCredentialCreationOptionsJSON>>('/me/passkeys/options', confirmed(password)),
    addPasskey: async (body: { challenge: string; name: string; credential: Credential }) =>
      (await client.post<{ codes: string[] }>('/me/passkeys', body)).codes,
    renamePasskey: (passkey: Id, name: string) => client.patch<Passkey>(`/me/passkeys/${encodeURIComponent(passkey)}`, { name }),
    removePasskey: (passkey: Id, password: string | null) =>
      client.delete<null>(`/me/passkeys/${encodeURIComponent(passkey)}`, confirmed(password)),
    makeRecoveryCodes: async (password: string | null) =>
      (await client.post<{ codes: string[] }>('/me/recovery-codes', confirmed(password))).codes,

    ownSessions: async (options?: RequestOptions) => (await client.get<{ items: OwnSession[] }>('/me/sessions', options)).items,
    endSession: (session: Id) => client.delete<null>(`/me/sessions/${encodeURIComponent(session)}`),
    endOtherSessions: () => client.delete<null>('/me/sessions'),
  }
}
