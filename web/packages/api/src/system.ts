import type { ApiClient, RequestOptions } from './client'
import type { Schemas } from './schemas'

export type SystemHealth = Schemas['SystemHealth']
export type HealthLine = Schemas['HealthLine']
export type HealthNode = Schemas['HealthNode']
export type CounterComparison = Schemas['CounterComparison']
export type CountersMended = Schemas['CountersMended']
export type HealthLevel = HealthLine['level']

/** Whether the installation is well. */
export function systemEndpoints(client: ApiClient) {
  return {
    systemHealth: (options?: RequestOptions) => client.get<SystemHealth>('/system/health', options),
    /** Compares the counters now, which takes seconds where many conversations are open. */
    systemCounters: (options?: RequestOptions) => client.get<CounterComparison>('/system/counters', options),
    mendCounters: () => client.post<CountersMended>('/system/counters/mend', {}),
  }
}
