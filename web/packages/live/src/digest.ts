import type { ConversationHead } from './frames'

/**
 * The digest of a heartbeat (protocol.md section 5, `pong`): what is open, and up to where, in 16 hex digits.
 * `null` where the browser has no SHA-256 (pages served over plain http from another machine): then nothing can be compared.
 */
export async function digest(heads: readonly ConversationHead[]): Promise<string | null> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined
  if (!subtle) return null
  const lines = [...heads]
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    .map(({ id, head, version }) => `${id}:${head}:${version}`)
  const hash = await subtle.digest('SHA-256', new TextEncoder().encode(lines.join('\n')))
  return Array.from(new Uint8Array(hash).subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join('')
}
