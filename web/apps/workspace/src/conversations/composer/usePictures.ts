import type { Id } from '@qiatan/api'
import { shallowRef } from 'vue'
import { t } from '../../i18n'
import { MAX_PICTURES_AT_ONCE, refusalOf } from '../model/pictures'
import { useOutbox } from '../stores/outbox'

export interface Notice {
  id: number
  text: string
}

/** Pictures chosen, pasted or dropped: those that may be sent go to the outbox at once, the others are refused with a reason. */
export function usePictures(conversationId: () => Id) {
  const outbox = useOutbox()
  const notices = shallowRef<readonly Notice[]>([])
  let last = 0

  function add(files: readonly File[]): void {
    notices.value = []
    for (const file of files.slice(0, MAX_PICTURES_AT_ONCE)) {
      const refusal = refusalOf(file)
      if (outbox.full()) return refuse(t('conversations.upload.outboxFull'))
      if (refusal) refuse(t(`conversations.upload.${refusal}`, { name: file.name || t('conversations.upload.pasted') }))
      else outbox.picture(file, conversationId())
    }
    if (files.length > MAX_PICTURES_AT_ONCE) refuse(t('conversations.upload.tooMany', { count: MAX_PICTURES_AT_ONCE }))
  }

  function refuse(text: string): void {
    last += 1
    notices.value = [...notices.value, { id: last, text }]
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id)
  }

  function clear(): void {
    notices.value = []
  }

  return { notices, add, refuse, dismiss, clear }
}
