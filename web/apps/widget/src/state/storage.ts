import { MemoryStorage, storageOrMemory, type KeyValueStorage } from '@qiatan/live'
import { host, recall, tell } from './bridge'

let used: KeyValueStorage = storageOrMemory()

/** What the panel keeps, wherever that is: do not read it before `findStorage` has settled. */
export const storage: KeyValueStorage = {
  getItem: (name) => used.getItem(name),
  setItem: (name, value) => used.setItem(name, value),
  removeItem: (name) => used.removeItem(name),
  keys: () => used.keys(),
}

/**
 * Settles once it is known where things are kept: in this frame's own storage; where the browser refuses it, in the page around, by the
 * loader; where that is refused too, in memory. The second is told as a `storage` event, for those who have looked already.
 */
export async function findStorage(): Promise<void> {
  if (host.alone || !(used instanceof MemoryStorage)) return
  // a part that cannot be fetched costs the memory over pages, and not the conversation
  const found = await import('./host-storage').then((part) => part.connect(recall, tell), () => null)
  if (!found) return
  used = found
  window.dispatchEvent(new StorageEvent('storage'))
}
