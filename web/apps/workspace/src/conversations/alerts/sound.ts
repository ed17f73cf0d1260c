/** What is heard when something new waits: short notes made by the browser, no file to load. */
import type { Preferences } from '@qiatan/api'

export type Sound = Preferences['sounds']['message']

interface Note {
  wave: OscillatorType
  /** Hertz, where it begins and where it goes. */
  from: number
  to: number
  /** Seconds after the first, and for how long. */
  after: number
  lasts: number
  loud: number
}

function note(from: number, after: number, lasts: number, loud: number, wave: OscillatorType = 'sine', to = from): Note {
  return { wave, from, to, after, lasts, loud }
}

const NOTES: Record<Exclude<Sound, 'none'>, readonly Note[]> = {
  chime: [note(660, 0, 0.16, 0.12), note(880, 0.11, 0.16, 0.12)],
  drop: [note(1_250, 0, 0.14, 0.13, 'sine', 520)],
  bell: [note(1_046, 0, 0.5, 0.1), note(1_568, 0, 0.34, 0.05), note(2_092, 0, 0.2, 0.025)],
  knock: [note(190, 0, 0.08, 0.22, 'triangle', 110), note(190, 0.13, 0.08, 0.22, 'triangle', 110)],
}

export const SOUNDS: readonly Sound[] = ['chime', 'drop', 'bell', 'knock', 'none']

let context: AudioContext | null = null

/**
 * Browsers let a page sound only after its user touched it. Called on the first click or key press of a session,
 * so that a message that arrives later can be heard.
 */
export function unlockSound(): void {
  if (typeof AudioContext === 'undefined') return
  context ??= new AudioContext()
  if (context.state === 'suspended') void context.resume()
}

/** Plays a sound, or stays silent where the browser has not allowed any yet. */
export function playSound(sound: Sound): void {
  if (sound === 'none' || !context || context.state !== 'running') return
  for (const one of NOTES[sound]) sing(context, one)
}

function sing(audio: AudioContext, { wave, from, to, after, lasts, loud }: Note): void {
  const start = audio.currentTime + after
  const oscillator = audio.createOscillator()
  const volume = audio.createGain()
  oscillator.type = wave
  oscillator.frequency.setValueAtTime(from, start)
  if (to !== from) oscillator.frequency.exponentialRampToValueAtTime(to, start + lasts)
  volume.gain.setValueAtTime(0, start)
  volume.gain.linearRampToValueAtTime(loud, start + 0.012)
  volume.gain.exponentialRampToValueAtTime(0.0001, start + lasts)
  oscillator.connect(volume).connect(audio.destination)
  oscillator.start(start)
  oscillator.stop(start + lasts + 0.02)
}
