import type { ApiClient, RequestOptions, UploadOptions } from './client'
import type { Schemas } from './schemas'
import type { Id } from './types'

export type DelayedStep = Schemas['DelayedStep']
export type TransferSettings = Schemas['TransferSettings']
export type Transfers = Schemas['Transfers']
export type QueueSettings = Schemas['QueueSettings']
export type Queueing = Schemas['Queueing']
export type Interval = Schemas['Interval']
export type Week = HoursSettings['week']
export type ExceptionalDay = Schemas['ExceptionalDay']
export type GroupHours = Schemas['GroupHours']
export type HoursSettings = Schemas['HoursSettings']
export type Hours = Schemas['Hours']
export type Calendar = Schemas['Calendar']
export type CalendarFault = Schemas['CalendarFault']
export type AutoEnd = Schemas['AutoEnd']
export type EvaluationRules = Required<Schemas['EvaluationRules']>
export type GradeThreshold = Schemas['GradeThreshold']
export type Grading = Schemas['Grading']
export type ConversationSettings = Schemas['ConversationSettings']
export type ConversationRules = Schemas['ConversationRules']
export type AttendanceDay = Schemas['AttendanceDay']

/** How conversations are served: transfers, queue, working hours, ends and grades, and who was there. */
export function serviceEndpoints(client: ApiClient) {
  return {
    transfers: (options?: RequestOptions) => client.get<Transfers>('/routing/transfers', options),
    saveTransfers: (body: { settings: TransferSettings; version: number }) => client.put<Transfers>('/routing/transfers', body),
    queueing: (options?: RequestOptions) => client.get<Queueing>('/routing/queue', options),
    saveQueueing: (body: { settings: QueueSettings; version: number }) => client.put<Queueing>('/routing/queue', body),
    hours: (options?: RequestOptions) => client.get<Hours>('/routing/hours', options),
    saveHours: (body: { settings: HoursSettings; version: number }) => client.put<Hours>('/routing/hours', body),
    /** What a calendar file holds; nothing is saved by it. */
    readCalendar: (file: Blob, name: string, options?: UploadOptions) => client.upload<Calendar>('POST', '/routing/hours/calendar', file, name, options),
    conversationRules: (options?: RequestOptions) => client.get<ConversationRules>('/conversation-rules', options),
    saveConversationRules: (body: { settings: ConversationSettings; version: number }) => client.put<ConversationRules>('/conversation-rules', body),
    /** Days in the enterprise's time zone, both included, at most 31. */
    attendance: async (range: { from: string; to: string; agent_id?: Id | null }, options: RequestOptions = {}) =>
      (await client.get<{ items: AttendanceDay[] }>('/attendance', { ...options, query: { ...range } })).items,
  }
}
