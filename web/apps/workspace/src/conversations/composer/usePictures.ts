import type { Id } from '@qiatan/api'
import { shallowRef } from 'vue'
import { t } from '../../i18n'
import { MAX_FILES_AT_ONCE, refusalOfFile } from '../../files/kinds'
import { refusalOf } from '../model/pictures'
import { useOutbox } from '../stores/outbox'

export interface Notice {
  id: number
  text: string
}

/**
 * Pictures and files chosen, pasted or dropped: those that may be sent go to the outbox at once, the others are refused with a reason.
 * `asFiles`: pictures too go as they are, instead of being shown in the thread; a picture too large for that goes as a file anyway.
 */
export function usePictures(conversationId: () => Id) {
  const outbox = useOutbox()
  const notices = shallowRef<readonly Notice[]>([])
  let last = 0

  function add(files: readonly File[], asFiles = false): void {
    notices.value = []
    for (const file of files.slice(0, MAX_FILES_AT_ONCE)) {
      if (outbox.full()) return refuse(t('conversations.upload.outboxFull'))
      const refusal = refusalOfFile(file)
      if (refusal) refuse(t(`files.${refusal}`, { name: file.name || t('conversations.upload.pasted') }))
      else if (asFiles || refusalOf(file) !== null) outbox.file(file, conversationId())
      else outbox.picture(file, conversationId())
    }
    if (files.length > MAX_FILES_AT_ONCE) refuse(t('files.tooMany', { count: MAX_FILES_AT_ONCE }))
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
