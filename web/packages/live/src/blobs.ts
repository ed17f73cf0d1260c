/** Keeps the pictures of unsent messages over a reload. */
export interface BlobStore {
  put(id: string, blob: Blob): Promise<void>
  get(id: string): Promise<Blob | null>
  delete(id: string): Promise<void>
}

const STORE = 'pictures'

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB request failed'))
  })
}

/** Pictures in IndexedDB. Every call may reject where the browser refuses it; the caller then has the picture in memory only. */
export class IndexedBlobStore implements BlobStore {
  private database: Promise<IDBDatabase> | null = null
  private readonly putting = new Map<string, Promise<void>>()

  constructor(private readonly name = 'qiatan-outbox') {}

  put(id: string, blob: Blob): Promise<void> {
    const put = this.write(id, blob).finally(() => this.putting.delete(id))
    this.putting.set(id, put)
    return put
  }

  async get(id: string): Promise<Blob | null> {
    const value = (await settled((await this.store('readonly')).get(id))) as { type: string; name: string; bytes: ArrayBuffer } | undefined
    return value ? new File([value.bytes], value.name || 'picture', { type: value.type }) : null
  }

  async delete(id: string): Promise<void> {
    // bytes that are still being read would come after this and stay for good; whoever put them hears that it failed
    await this.putting.get(id)?.catch(() => undefined)
    await settled((await this.store('readwrite')).delete(id))
  }

  private async write(id: string, blob: Blob): Promise<void> {
    // Safari has lost blobs kept in IndexedDB: the bytes and the type are kept instead
    const value = { type: blob.type, name: blob instanceof File ? blob.name : '', bytes: await blob.arrayBuffer() }
    await settled((await this.store('readwrite')).put(value, id))
  }

  private async store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    this.database ??= this.open()
    return (await this.database).transaction(STORE, mode).objectStore(STORE)
  }

  private open(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    return settled(request)
  }
}
