/** This browser's subscription to push messages: one for each session, made anew when another session signs in here. */
import { api } from '../api'

export type PushPermission = NotificationPermission | 'unsupported'

/** Whose push this browser was switched on for, so that it goes on after the next sign-in. */
const OWNER_KEY = 'qiatan.push'

export function isPushSupported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
}

/** The browser does not run the service worker: without it nothing could receive a push message. */
export class WorkerMissing extends Error {}

export const WORKER_WITHIN_MS = 10_000

/** Registers the service worker, which changes nothing where it is. Throws as the browser does, such as where storage is blocked. */
export function registerWorker(): Promise<ServiceWorkerRegistration> {
  return navigator.serviceWorker.register('/app/sw.js', { scope: '/app/', updateViaCache: 'none' })
}

/** The service worker that runs. `ready` alone waits for ever for one that could not be registered. */
async function runningWorker(): Promise<ServiceWorkerRegistration> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new WorkerMissing('not there in time')), WORKER_WITHIN_MS) })
  const there = registerWorker().then(() => navigator.serviceWorker.ready, (error: unknown) => { throw new WorkerMissing(String(error)) })
  return Promise.race([there, late]).finally(() => clearTimeout(timer))
}

async function subscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration('/app/')
  return (await registration?.pushManager.getSubscription()) ?? null
}

/** Whether this browser is called for the session that is signed in. */
export async function isPushOn(): Promise<boolean> {
  if (!isPushSupported() || Notification.permission !== 'granted') return false
  const [own, state] = await Promise.all([subscription(), api.push()])
  return own !== null && own.endpoint === state.endpoint
}

/** Asks for permission, subscribes and tells the server. False where the user refuses. Only ever called from a click, but to renew. Throws `WorkerMissing` and `ApiError`. */
export async function switchPushOn(agentId: string): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false
  const registration = await runningWorker()
  const state = await api.push()
  const before = await registration.pushManager.getSubscription()
  // Another session's, perhaps another agent's: a new address, so that the old one is worth nothing.
  if (before && before.endpoint !== state.endpoint) await before.unsubscribe()
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: state.public_key })
  const { endpoint, keys } = made.toJSON()
  await api.savePush({ endpoint: endpoint ?? '', keys: { p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' } })
  window.localStorage.setItem(OWNER_KEY, agentId)
  return true
}

export async function switchPushOff(): Promise<void> {
  window.localStorage.removeItem(OWNER_KEY)
  await api.deletePush()
  await (await subscription())?.unsubscribe()
}

/** After a new sign-in of the same agent in this browser. */
export async function renewPush(agentId: string): Promise<void> {
  if (!isPushSupported() || Notification.permission !== 'granted' || window.localStorage.getItem(OWNER_KEY) !== agentId) return
  if (!(await isPushOn())) await switchPushOn(agentId)
}
