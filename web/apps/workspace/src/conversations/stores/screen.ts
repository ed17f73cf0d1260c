import type { Conversation, Id } from '@qiatan/api'
import type { ComputedRef, ShallowRef } from 'vue'

/** What is on the screen. `turn` grows whenever that changes: an answer to what was asked in an earlier turn comes too late. */
export interface Screen {
  readonly id: ShallowRef<Id | null>
  readonly conversation: ComputedRef<Conversation | null>
  turn: number
}
