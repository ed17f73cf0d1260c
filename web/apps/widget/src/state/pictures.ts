import { call } from './session'

const MOST = 40
const urls = new Map<string, Promise<string>>()

/** A picture of an own conversation as an address for `<img>`: fetched with the token, which never stands in an address. */
export function pictureUrl(fileId: string, size: 'thumb' | 'full'): Promise<string> {
  const key = `${fileId}:${size}`
  const known = urls.get(key)
  if (known) return known
  const made = call<Blob>('GET', `/widget/files/${encodeURIComponent(fileId)}?size=${size}`, undefined, 'blob').then((blob) => URL.createObjectURL(blob))
  urls.set(key, made)
  made.catch(() => urls.delete(key))
  if (urls.size > MOST) drop(urls.keys().next().value ?? '')
  return made
}

function drop(key: string): void {
  const old = urls.get(key)
  urls.delete(key)
  // a picture that did not come has no address to give back
  void old?.then((url) => URL.revokeObjectURL(url), () => undefined)
}
