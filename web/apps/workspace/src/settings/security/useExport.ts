import type { Download } from '@qiatan/api'
import { ref, type Ref } from 'vue'
import { t } from '../../i18n'
import { keepFile } from '../../ui/download'
import { toastDone, toastFailed } from '../../ui/toasts'

/** Saving a log as a file: whether it is under way, and what the button does. */
export function useExport(fetch: () => Promise<Download>): { exporting: Ref<boolean>; save: () => Promise<void> } {
  const exporting = ref(false)

  async function save(): Promise<void> {
    exporting.value = true
    try {
      const file = await fetch()
      keepFile(file)
      toastDone(t('security.shared.exported', { name: file.name }))
    } catch (error) {
      toastFailed(error)
    } finally {
      exporting.value = false
    }
  }

  return { exporting, save }
}
