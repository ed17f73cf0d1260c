import type { ClientFrame } from './frames'
import type { Closed, TransportEvents, Wire } from './transport'
import { framesOf, refusedBy } from './transport'
import { Backoff } from './backoff'

const ANSWER_WITHIN = 35_000
const LOST_AFTER = 3

class Refused extends Error {
  constructor(readonly reason: Closed) {
    super('refused')
  }
}

/** Long polling with the socket's frames (protocol.md section 5, rule 5): one call waits, a second one carries what we say. */
export class PollWire implements Wire {
  private pollId: string | null = null
  private closed = false
  private sending = false
  private readonly queue: ClientFrame[] = []
  private readonly abort = new AbortController()

  constructor(
    private readonly url: string,
    private readonly hello: ClientFrame,
    private readonly headers: () => Record<string, string>,
    private readonly events: TransportEvents,
  ) {
    void this.run()
  }

  send(frame: ClientFrame): boolean {
    if (this.pollId === null || this.closed) return false
    this.queue.push(frame)
    void this.flush()
    return true
  }

  close(): void {
    this.end({ kind: 'lost' })
  }

  private async run(): Promise<void> {
    try {
      const answer = await this.call(this.url, { hello: this.hello })
      this.pollId = String(answer.poll_id)
      this.events.onOpen()
      const backoff = new Backoff(500, 5_000)
      let failures = 0
      while (!this.closed) {
        try {
          this.receive(await this.call(`${this.url}/${this.pollId}`, { frames: [] }))
          failures = 0
          backoff.reset()
        } catch (error) {
          if (error instanceof Refused || ++failures >= LOST_AFTER) throw error
          await new Promise((resolve) => setTimeout(resolve, backoff.next()))
        }
      }
    } catch (error) {
      this.end(error instanceof Refused ? error.reason : { kind: this.pollId === null ? 'unavailable' : 'lost' })
    }
  }

  private async flush(): Promise<void> {
    if (this.sending) return
    this.sending = true
    try {
      while (this.queue.length > 0 && !this.closed) {
        this.receive(await this.call(`${this.url}/${this.pollId ?? ''}`, { frames: this.queue.splice(0, 20) }))
      }
    } catch (error) {
      this.end(error instanceof Refused ? error.reason : { kind: 'lost' })
    } finally {
      this.sending = false
    }
  }

  private receive(answer: Record<string, unknown>): void {
    if (this.closed) return
    const frames = framesOf(answer.frames)
    if (frames.length > 0) this.events.onFrames(frames)
    for (const frame of frames) {
      if (frame.type !== 'bye') continue
      const code = refusedBy(frame.code)
      this.end(code ? { kind: 'refused', code } : { kind: 'lost' })
    }
  }

  private async call(url: string, body: unknown): Promise<Record<string, unknown>> {
    const call = new AbortController()
    const abort = (): void => call.abort()
    const patience = setTimeout(abort, ANSWER_WITHIN)
    this.abort.signal.addEventListener('abort', abort)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...this.headers() },
        body: JSON.stringify(body),
        signal: call.signal,
      })
      if (response.ok) return (await response.json()) as Record<string, unknown>
      throw await refusalOf(response)
    } finally {
      clearTimeout(patience)
      this.abort.signal.removeEventListener('abort', abort)
    }
  }

  private end(reason: Closed): void {
    if (this.closed) return
    this.closed = true
    this.abort.abort()
    this.events.onClosed(reason)
  }
}

/** An error page of a proxy is not JSON: its status alone then says what happened. */
async function refusalOf(response: Response): Promise<Error> {
  if (response.status === 404) return new Refused({ kind: 'lost' })
  const json = response.headers.get('Content-Type')?.startsWith('application/json') ?? false
  const answer = json ? ((await response.json()) as { error?: { code?: string } }) : null
  const code = refusedBy(answer?.error?.code)
  return code ? new Refused({ kind: 'refused', code }) : new Error(`poll answered ${response.status}`)
}
