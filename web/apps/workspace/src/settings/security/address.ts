/** Addresses as the sign-in rules take them. The server decides; this only says beforehand what it would refuse. */

export interface Address {
  family: 4 | 6
  value: bigint
}

const BITS = { 4: 32, 6: 128 } as const
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const GROUPS = 8
/** What stands before an IPv4 address inside IPv6. */
const MAPPED = 0xffffn

function parse4(text: string): bigint | null {
  const parts = IPV4.exec(text)?.slice(1)
  if (!parts || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) return null
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':')
}

function parse6(text: string): bigint | null {
  let rest = text
  const tail = /^(.*:)([\d.]+\.[\d.]+)$/.exec(rest)
  if (tail) {
    const last = parse4(tail[2] ?? '')
    if (last === null) return null
    rest = `${tail[1]}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`
  }
  const halves = rest.split('::')
  if (halves.length > 2) return null
  const head = groups(halves[0] ?? '')
  const foot = groups(halves[1] ?? '')
  const missing = GROUPS - head.length - foot.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...foot]
  if (all.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return null
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

/** An IPv4 or IPv6 address, or null. An IPv4 address inside IPv6 is the IPv4 address. */
export function parseAddress(text: string): Address | null {
  const four = parse4(text)
  if (four !== null) return { family: 4, value: four }
  const six = text.includes(':') ? parse6(text) : null
  if (six === null) return null
  return six >> 32n === MAPPED ? { family: 4, value: six & 0xffff_ffffn } : { family: 6, value: six }
}

/** An address in its usual form; IPv6 with the longest run of zeros left out. */
export function writeAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
  const all = Array.from({ length: GROUPS }, (_, index) => ((value >> BigInt((GROUPS - 1 - index) * 16)) & 0xffffn).toString(16))
  const runs = [...all.map((group) => (group === '0' ? '0' : 'x')).join('').matchAll(/0{2,}/g)]
  const longest = runs.reduce<{ index: number; length: number } | null>(
    (best, run) => (best === null || run[0].length > best.length ? { index: run.index, length: run[0].length } : best), null)
  if (!longest) return all.join(':')
  return `${all.slice(0, longest.index).join(':')}::${all.slice(longest.index + longest.length).join(':')}`
}

export type AddressFault =
  | { code: 'empty' | 'malformed' | 'rangeOfNetwork' | 'families' | 'upsideDown' }
  | { code: 'network'; network: string }

function networkFault(text: string): AddressFault | null {
  const [base, size, more] = text.split('/')
  const address = parseAddress(base ?? '')
  if (!address || more !== undefined || !/^\d{1,3}$/.test(size ?? '')) return { code: 'malformed' }
  const bits = BITS[address.family]
  const prefix = Number(size)
  if (prefix > bits) return { code: 'malformed' }
  const host = (1n << BigInt(bits - prefix)) - 1n
  if ((address.value & host) === 0n) return null
  return { code: 'network', network: `${writeAddress({ ...address, value: address.value & ~host })}/${prefix}` }
}

/** What is wrong with an entry of the trusted addresses; null where nothing is. */
export function addressFault(first: string, last: string | null): AddressFault | null {
  if (first === '') return { code: 'empty' }
  if (last === null || last === '') {
    if (first.includes('/')) return networkFault(first)
    return parseAddress(first) ? null : { code: 'malformed' }
  }
  if (first.includes('/') || last.includes('/')) return { code: 'rangeOfNetwork' }
  const from = parseAddress(first)
  const to = parseAddress(last)
  if (!from || !to) return { code: 'malformed' }
  if (from.family !== to.family) return { code: 'families' }
  return to.value < from.value ? { code: 'upsideDown' } : null
}

export type AddressForm = 'single' | 'network' | 'range'

export function formOf(first: string, last: string | null): AddressForm {
  if (last !== null && last !== '') return 'range'
  return first.includes('/') ? 'network' : 'single'
}
