/** The service worker: push messages, clicks on them, and a page that says that there is no line. */
import { router } from '../router'
import { view } from '../view'
import { reportSurprise } from '../ui/report'
import { registerWorker, renewPush } from './push'

const LOOK_FOR_NEW_MS = 3_600_000

interface Clicked {
  type: 'qiatan.open'
  conversation_id: string
}

function isClicked(data: unknown): data is Clicked {
  return typeof data === 'object' && data !== null && 'type' in data && data.type === 'qiatan.open' && 'conversation_id' in data && typeof data.conversation_id === 'string'
}

/** Starts it, looks for a new version every hour, and goes where a clicked notification points. The shell calls it once per page. */
export async function startWorker(agentId: string): Promise<void> {
  if (!('serviceWorker' in navigator) || view.active.value) return
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (isClicked(data)) void router.push({ name: 'conversations', params: { id: data.conversation_id } })
  })
  const registration = await registerWorker()
  window.setInterval(() => { registration.update().catch(offlineIsFine) }, LOOK_FOR_NEW_MS)
  await renewPush(agentId)
}

/** Without a line there is no newer worker to be had; the next hour looks again. */
function offlineIsFine(error: unknown): void {
  if (!(error instanceof TypeError)) reportSurprise(error)
}
