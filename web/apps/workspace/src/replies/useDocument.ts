import { ApiError, type ReplyBrief } from '@qiatan/api'
import type { RichDocument } from '@qiatan/live'
import { shallowRef, watch, type Ref } from 'vue'
import { fromText } from '../ui/editor/document'
import { reportSurprise } from '../ui/report'
import { useReplies } from './store'

/** The form of the entry that `of` names at the moment. While a rich one is on its way, and where it cannot be had, its words stand for it. */
export function useDocument(of: () => ReplyBrief | null): Readonly<Ref<RichDocument | null>> {
  const replies = useReplies()
  const document = shallowRef<RichDocument | null>(null)
  watch(of, async (reply) => {
    document.value = reply ? fromText(reply.text) : null
    if (reply?.kind !== 'rich') return
    try {
      const found = await replies.documentOf(reply)
      if (of() === reply) document.value = found
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      reportSurprise(failure)
    }
  }, { immediate: true })
  return document
}
