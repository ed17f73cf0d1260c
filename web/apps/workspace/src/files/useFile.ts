import { ApiError, type FileLink, type Id } from '@qiatan/api'
import { shallowRef } from 'vue'
import { api } from '../api'
import { t } from '../i18n'
import { confirm } from '../ui/confirm'
import { errorText } from '../ui/errors'
import { toastProblem } from '../ui/toasts'

/** What can be done with a file of a conversation: save it, or get an address to look at it. */
export function useFile(conversation: () => Id, file: () => Id) {
  const busy = shallowRef(false)
  /** It has expired or was withdrawn, as the server said. */
  const gone = shallowRef(false)

  async function link(download: boolean): Promise<FileLink | null> {
    busy.value = true
    try {
      return await api.fileLink(conversation(), file(), download)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      gone.value = error.code === 'file_expired' || error.code === 'file_not_found'
      toastProblem(gone.value ? t(`files.failed.${error.code === 'file_expired' ? 'expired' : 'gone'}`) : errorText(error))
      return null
    } finally {
      busy.value = false
    }
  }

  /** Saves it. A file that could be a program is asked about first. */
  async function save(name: string, risky: boolean): Promise<void> {
    const question = { title: t('files.ask.title'), body: t('files.ask.body', { name }), confirm: t('files.ask.confirm'), cancel: t('common.action.cancel'), danger: true }
    if (risky && !(await confirm(question))) return
    const found = await link(true)
    if (!found) return
    const anchor = document.createElement('a')
    anchor.href = found.url
    anchor.download = name
    anchor.rel = 'noopener noreferrer'
    anchor.click()
  }

  return { busy, gone, save, look: () => link(false) }
}
