import type { ApiClient, RequestOptions } from './client'
import type { Schemas } from './schemas'
import type { Id } from './types'

export type BaseRule = Schemas['BaseRule']
export type Otherwise = Schemas['Otherwise']
export type ConditionField = Schemas['ConditionField']
export type Operator = Schemas['Operator']
export type TimeWindow = Schemas['TimeWindow']
export type VisitorCondition = Schemas['VisitorCondition']
export type TimeCondition = Schemas['TimeCondition']
export type Condition = VisitorCondition | TimeCondition
export type ConditionGroup = Schemas['ConditionGroup']
export type AdvancedRule = Schemas['AdvancedRule']
export type AssignmentSettings = Schemas['AssignmentSettings']
export type Assignment = Schemas['Assignment']
export type Problem = Schemas['Problem']
export type Layer = Schemas['Layer']
export type Outcome = Schemas['Outcome']
export type Target = Schemas['Target']
export type CandidateNote = Schemas['CandidateNote']
export type Step = Schemas['Step']
/** What is known of a visitor the rules are tried on; what is left out is unknown. */
export type TrialCase = Partial<Schemas['TrialCase']>
export type Trial = Schemas['Trial']
export type Traffic = Schemas['StartSimulation']['traffic']
export type SimulatedOutcome = Schemas['SimulatedOutcome']
export type SimulationResult = Schemas['SimulationResult']
export type Simulation = Schemas['Simulation']

/** Who gets the conversation: the rules, trying them on one visitor, and running traffic through them. */
export function assignmentEndpoints(client: ApiClient) {
  return {
    assignment: (options?: RequestOptions) => client.get<Assignment>('/routing/assignment', options),
    changeAssignment: (body: { settings: AssignmentSettings; version: number }) => client.put<Assignment>('/routing/assignment', body),
    checkAssignment: async (settings: AssignmentSettings, options?: RequestOptions) =>
      (await client.post<{ items: Problem[] }>('/routing/assignment/check', { settings }, options)).items,
    tryAssignment: (body: { case: TrialCase; settings: AssignmentSettings } | { conversation_id: Id; settings: AssignmentSettings }, options?: RequestOptions) =>
      client.post<Trial>('/routing/trial', body, options),
    simulate: (body: { settings: AssignmentSettings; traffic: Traffic }) => client.post<Simulation>('/routing/simulations', body),
    simulations: async (options?: RequestOptions) => (await client.get<{ items: Simulation[] }>('/routing/simulations', options)).items,
    simulation: (id: Id, options?: RequestOptions) => client.get<Simulation>(`/routing/simulations/${encodeURIComponent(id)}`, options),
  }
}
