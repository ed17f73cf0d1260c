// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPasskey, namedAddress, PasskeyAbandoned, passkeyObstacle, PasskeyKnown, passkeysSupported, usePasskey } from '../src/auth/passkeys'

class Credential {
  static parseRequestOptionsFromJSON = (options: unknown): unknown => ({ parsed: options })
  static parseCreationOptionsFromJSON = (options: unknown): unknown => ({ parsed: options })
  toJSON(): unknown {
    return { id: 'made', type: 'public-key' }
  }
}

const get = vi.fn()
const create = vi.fn()
const options = { challenge: 'c' } as unknown as PublicKeyCredentialRequestOptionsJSON & PublicKeyCredentialCreationOptionsJSON
beforeEach(() => {
  vi.stubGlobal('PublicKeyCredential', Credential)
  vi.stubGlobal('isSecureContext', true)
  Object.defineProperty(navigator, 'credentials', { configurable: true, value: { get, create } })
})
afterEach(() => {
  vi.unstubAllGlobals()
  Reflect.deleteProperty(navigator, 'credentials')
  get.mockReset()
  create.mockReset()
})

describe('passkeys', () => {
  it.each([['localhost', true], ['chat.example.com', true], ['127.0.0.1', false], ['[::1]', false]])('belong to a name: %s %s', (host, can) => {
    expect(passkeysSupported(host)).toBe(can)
  })

  it('need a browser that knows them, and a secure page', () => {
    vi.stubGlobal('isSecureContext', false)
    expect(passkeysSupported('localhost')).toBe(false)
    vi.stubGlobal('isSecureContext', true)
    vi.stubGlobal('PublicKeyCredential', vi.fn())
    expect(passkeysSupported('localhost')).toBe(false)
  })

  it('tell what keeps them away: the address before the browser', () => {
    expect(passkeyObstacle('localhost')).toBeNull()
    vi.stubGlobal('PublicKeyCredential', vi.fn())
    expect(passkeyObstacle('localhost')).toBe('browser')
    expect(passkeyObstacle('127.0.0.1')).toBe('address')
    vi.stubGlobal('isSecureContext', false)
    expect(passkeyObstacle('chat.example.com')).toBe('address')
  })

  it('know another name for this machine only', () => {
    expect(namedAddress({ protocol: 'http:', hostname: '127.0.0.1', port: '8000' })).toBe('http://localhost:8000')
    expect(namedAddress({ protocol: 'http:', hostname: '[::1]', port: '' })).toBe('http://localhost')
    expect(namedAddress({ protocol: 'http:', hostname: '192.0.2.7', port: '8000' })).toBeNull()
  })

  it('answer as JSON', async () => {
    get.mockResolvedValue(new Credential())
    expect(await usePasskey(options)).toEqual({ id: 'made', type: 'public-key' })
    expect(get).toHaveBeenCalledWith({ publicKey: { parsed: options } })
  })

  it('say apart that nobody finished and that the device has one', async () => {
    get.mockRejectedValue(new DOMException('', 'NotAllowedError'))
    create.mockRejectedValue(new DOMException('', 'InvalidStateError'))
    await expect(usePasskey(options)).rejects.toBeInstanceOf(PasskeyAbandoned)
    await expect(createPasskey(options)).rejects.toBeInstanceOf(PasskeyKnown)
  })

  it('let other failures through as they are', async () => {
    const failure = new DOMException('', 'SecurityError')
    create.mockRejectedValue(failure)
    await expect(createPasskey(options)).rejects.toBe(failure)
  })
})
