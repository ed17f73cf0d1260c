/** The part of `localStorage` that is needed; also what stands in for it where the browser refuses storage. */
export interface KeyValueStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
  keys(): string[]
}

export class MemoryStorage implements KeyValueStorage {
  private readonly values = new Map<string, string>()

  getItem(key: string): string | null {
    return this.values.get(key) ?? null
  }

  setItem(key: string, value: string): void {
    this.values.set(key, value)
  }

  removeItem(key: string): void {
    this.values.delete(key)
  }

  keys(): string[] {
    return [...this.values.keys()]
  }
}

class BrowserStorage implements KeyValueStorage {
  /** Takes over from the moment that the browser's storage is full, so that nothing written is missing for this page. */
  private readonly overflow = new MemoryStorage()

  constructor(private readonly storage: Storage) {}

  getItem(key: string): string | null {
    return this.overflow.getItem(key) ?? this.storage.getItem(key)
  }

  setItem(key: string, value: string): void {
    try {
      this.storage.setItem(key, value)
      this.overflow.removeItem(key)
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
      this.storage.removeItem(key)
      this.overflow.setItem(key, value)
    }
  }

  removeItem(key: string): void {
    this.overflow.removeItem(key)
    this.storage.removeItem(key)
  }

  keys(): string[] {
    const names = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i) ?? '')
    return [...new Set([...names, ...this.overflow.keys()])]
  }
}

/** The page's `localStorage`; where it is blocked (third-party frame, privacy setting), a store that lasts as long as the page. */
export function storageOrMemory(): KeyValueStorage {
  try {
    const storage = window.localStorage
    const probe = 'qiatan.probe'
    storage.setItem(probe, '1')
    storage.removeItem(probe)
    return new BrowserStorage(storage)
  } catch (error) {
    if (!(error instanceof DOMException) && !(error instanceof TypeError)) throw error
    return new MemoryStorage()
  }
}
