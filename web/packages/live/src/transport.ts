import type { ByeCode, ClientFrame, ServerFrame } from './frames'

/** What a transport tells the connection. Exactly one `onClosed` ends it, whatever happened. */
export interface TransportEvents {
  onOpen: () => void
  onFrames: (frames: ServerFrame[]) => void
  onClosed: (reason: Closed) => void
}

/** `refused`: the server will not talk to us as we are, so trying again is of no use. */
export type Closed = { kind: 'lost' } | { kind: 'unavailable' } | { kind: 'refused'; code: ByeCode }

export interface Wire {
  send(frame: ClientFrame): boolean
  close(): void
}

/** Frames of one message; whatever is not an array of objects with a type is left out, as a later server may say more than we know. */
export function framesOf(value: unknown): ServerFrame[] {
  if (!Array.isArray(value)) return []
  return value.filter((frame): frame is ServerFrame => typeof frame === 'object' && frame !== null && typeof (frame as { type?: unknown }).type === 'string')
}

export function refusedBy(code: string | undefined): ByeCode | null {
  switch (code) {
    case 'not_signed_in':
    case 'signed_out':
      return 'signed_out'
    case 'token_expired':
    case 'origin_refused':
    case 'view_ended':
    case 'two_factor_required':
      return code
    default:
      return null
  }
}
