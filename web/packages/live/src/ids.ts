let last = 0
let counter = 0

/**
 * A UUIDv7 (RFC 9562): ids made later on one page sort later, also within one millisecond and when the clock steps back.
 */
export function uuidv7(now = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  if (now > last) {
    last = now
    counter = ((bytes[6] ?? 0) & 0x07) << 8 | (bytes[7] ?? 0)
  } else if (++counter > 0xfff) {
    last += 1
    counter = 0
  }
  let time = last
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256
    time = Math.floor(time / 256)
  }
  bytes[6] = 0x70 | (counter >> 8)
  bytes[7] = counter & 0xff
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
