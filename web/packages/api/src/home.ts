import type { ApiClient, RequestOptions } from './client'
import type { Schemas } from './schemas'

export type MyDay = Schemas['MyDay']
export type Leader = Schemas['Leader']
export type Home = Schemas['Home']
export type FirstStep = Schemas['FirstStep']
export type FirstStepState = Schemas['FirstStepState']
export type Onboarding = Schemas['Onboarding']
export type SiteCheck = Schemas['SiteCheck']

/** The start page: the day so far, and the first steps of a new enterprise. */
export function homeEndpoints(client: ApiClient) {
  return {
    home: (options?: RequestOptions) => client.get<Home>('/home', options),
    onboarding: (options?: RequestOptions) => client.get<Onboarding>('/onboarding', options),
    skipSteps: (steps: FirstStep[]) => client.post<Onboarding>('/onboarding/skip', { steps }),
    /** Whether a page of one's site has the snippet; asks the page, so it may take ten seconds. */
    checkSite: (url: string) => client.post<SiteCheck>('/onboarding/check-site', { url }),
  }
}
