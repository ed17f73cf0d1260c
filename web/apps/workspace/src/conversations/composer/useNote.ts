import { ApiError, type Id, type Message } from '@qiatan/api'
import { uuidv7, type NoteData } from '@qiatan/live'
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { useSession } from '../../stores/session'
import { toastFailed, toastProblem } from '../../ui/toasts'
import type { Colleague } from '../model/mentions'
import { useOwn } from '../stores/own'

/**
 * Writes internal notes. One that may have arrived is sent again under the same number, so that it is stored once. What is under way is known by
 * conversation, and longer than the field it was written in: a slow note holds up no other conversation, and is not written twice by who comes back.
 */
export const useNote = defineStore('note', () => {
  const session = useSession()
  const accept = useOwn()
  /** The conversations whose note is on its way. */
  const sending = shallowReactive(new Set<Id>())
  const tried = new Map<Id, { text: string; id: Id }>()

  /** Whether the server has stored it; why not is told. `called`: whom it calls, told by who asks where it cannot be said. */
  async function write(of: Id, text: string, called: () => Promise<readonly Colleague[] | null>, replyTo: number | null = null): Promise<boolean> {
    if (sending.has(of)) return false
    const before = tried.get(of)
    const id = before?.text === text ? before.id : uuidv7()
    tried.set(of, { text, id })
    sending.add(of)
    let calls: readonly Colleague[] | null = null
    try {
      calls = await called()
      if (calls === null) return false
      const ack = await api.writeNote(of, {
        client_message_id: id, text,
        ...(calls.length > 0 ? { mentions: calls.map((one) => one.id) } : {}),
        ...(replyTo === null ? {} : { reply_to: replyTo }),
      })
      tried.delete(of)
      const note: Message = {
        conversation_id: of, seq: ack.seq, kind: 'note', sender_kind: 'agent', sender_id: session.agent?.id ?? null,
        client_message_id: ack.client_message_id, at: ack.at, text, data: dataOf(calls, replyTo), withdrawn: false,
      }
      accept(note)
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const unseen = error.fields.some((one) => one.field.startsWith('mentions'))
      if (unseen) toastProblem(t('talk.mention.unseen', { name: (calls ?? []).map((one) => one.name).join(t('conversations.side.comma')) }))
      else toastFailed(error, t('routing.note.failed'))
      return false
    } finally {
      sending.delete(of)
    }
  }

  return { sending, write }
})

function dataOf(calls: readonly Colleague[], replyTo: number | null): NoteData | null {
  if (calls.length === 0 && replyTo === null) return null
  return {
    ...(calls.length > 0 ? { mentions: calls.map(({ id, name }) => ({ id, name })) } : {}),
    ...(replyTo === null ? {} : { reply_to: { seq: replyTo } }),
  }
}
