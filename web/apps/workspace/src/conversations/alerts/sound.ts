/** The sound of something new: two short notes made by the browser, no file to load. */

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

/** Plays the tone, or stays silent where the browser has not allowed sound yet. */
export function playTone(): void {
  if (!context || context.state !== 'running') return
  note(context, 660, 0)
  note(context, 880, 0.11)
}

function note(audio: AudioContext, frequency: number, after: number): void {
  const start = audio.currentTime + after
  const oscillator = audio.createOscillator()
  const volume = audio.createGain()
  oscillator.type = 'sine'
  oscillator.frequency.value = frequency
  volume.gain.setValueAtTime(0, start)
  volume.gain.linearRampToValueAtTime(0.12, start + 0.012)
  volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.16)
  oscillator.connect(volume).connect(audio.destination)
  oscillator.start(start)
  oscillator.stop(start + 0.18)
}
