import { ApiError, type Conversation, type ReplyBrief } from '@qiatan/api'
import type { RichDocument } from '@qiatan/live'
import { useMediaQuery } from '@vueuse/core'
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { lengthOf } from '../conversations/model/text'
import { useDrafts } from '../conversations/stores/drafts'
import { useField } from '../conversations/stores/field'
import { useIntent } from '../conversations/stores/intent'
import { useOutbox } from '../conversations/stores/outbox'
import { useThread } from '../conversations/stores/thread'
import { t } from '../i18n'
import { useSession } from '../stores/session'
import { MAX_TEXT, plainText } from '../ui/editor/document'
import { toastDone, toastFailed, toastProblem } from '../ui/toasts'
import { useReplies } from './store'
import { fill, type Values, type Variable } from './variables'
import { namesOf } from './words'

/** A reply that is looked at once more before it goes: on a phone, or because something it names is not known. */
export interface Review {
  reply: ReplyBrief
  document: RichDocument
  values: Values
  missing: readonly Variable[]
  conversation: Conversation
}

export const useReview = defineStore('reply-review', () => ({ shown: shallowRef<Review | null>(null) }))

/** What is being fetched, by reply and conversation: a second press while that is slow must not send it twice. */
const underWay = new Set<string>()

/** What a chosen reply does: it goes at once, or into the input, or is shown first. */
export function useSending() {
  const replies = useReplies()
  const review = useReview()
  const session = useSession()
  const thread = useThread()
  const outbox = useOutbox()
  const drafts = useDrafts()
  const field = useField()
  const intents = useIntent()
  const phone = useMediaQuery('(max-width: 640px)')

  /** What is known of this conversation; an unnamed visitor has no name. */
  function valuesOf(conversation: Conversation): Values {
    const context = thread.id === conversation.id ? thread.context : null
    const visit = context?.visit
    return {
      'customer.name': context?.customer.named === false ? '' : conversation.customer.name,
      'agent.name': session.agent ? session.agent.public_name || session.agent.name : '',
      'page.title': visit?.page_title ?? '',
      'page.url': visit?.page_url ?? '',
      'enterprise.name': session.enterprise?.name ?? '',
    }
  }

  /**
   * Sends it, or says that it has to be looked at first; `apart`: what goes into the input gets a line of its own there. Answers whether it
   * went or went into the input.
   */
  async function use(reply: ReplyBrief, conversation: Conversation, how: 'send' | 'insert', apart = true): Promise<boolean> {
    const key = `${reply.id} ${conversation.id}`
    if (underWay.has(key)) return false
    // What is known of the conversation is known while it is on the screen: by the time the reply is here the agent may look at another one.
    const values = valuesOf(conversation)
    const wasHere = thread.id === conversation.id
    let document: RichDocument
    underWay.add(key)
    try {
      document = await replies.documentOf(reply)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      toastFailed(failure, t('replies.send.failed', { title: reply.title }))
      return false
    } finally {
      underWay.delete(key)
    }
    const filled = fill(document, values)
    // On a phone, where a press goes wrong more easily, it is sent from the input (F01).
    if (reply.kind === 'plain' && (how === 'insert' || phone.value)) {
      insert(reply.title, plainText(filled.document), conversation, apart)
      if (filled.missing.length > 0) toastProblem(t('replies.send.insertMissing', { names: namesOf(filled.missing) }))
      replies.noteUse(reply)
      return true
    }
    // Text with form has no place in a plain input: it is shown instead, and goes when confirmed.
    if (filled.missing.length > 0 || how === 'insert' || (phone.value && reply.kind === 'rich')) {
      if (wasHere && thread.id !== conversation.id) toastProblem(t('replies.send.left', { title: reply.title }))
      else review.shown = { reply, document, values, missing: filled.missing, conversation }
      return false
    }
    return deliver(reply, filled.document, conversation)
  }

  /** Hands it to the outbox as it is. */
  function deliver(reply: ReplyBrief, document: RichDocument, conversation: Conversation): boolean {
    const text = plainText(document)
    if (outbox.full()) {
      toastProblem(t('conversations.upload.outboxFull'))
      return false
    }
    if (lengthOf(text) > MAX_TEXT) {
      toastProblem(t('replies.send.tooLong', { most: MAX_TEXT }))
      return false
    }
    const intent = intents.known.get(conversation.id)
    const answers = intent?.kind === 'reply' && intent.message.kind !== 'note' ? intent.message.seq : null
    if (reply.kind === 'rich') outbox.rich(document, text, conversation.id, answers)
    else outbox.text(text, conversation.id, answers)
    if (answers !== null) intents.drop(conversation.id)
    replies.noteUse(reply)
    return true
  }

  function insert(title: string, text: string, conversation: Conversation, apart: boolean): void {
    if (field.put?.(conversation.id, text, apart)) return
    const before = drafts.read(conversation.id)
    drafts.write(conversation.id, before === '' || /\s$/.test(before) ? before + text : `${before}\n${text}`)
    // The input shows the message that is being changed, and not the draft.
    if (intents.known.get(conversation.id)?.kind === 'edit') toastDone(t('replies.send.drafted', { title }))
  }

  return { valuesOf, use, deliver }
}
