import { isEvent, isFile, isPicture, isRich, type Conversation, type FileData, type Message, type OutboxEntry, type PictureData, type ReplyRef, type RichDocument } from '@qiatan/live'
import { t, type Locale } from '../i18n'
import { clock, moment, sameDay } from './times'

export type Delivery = 'sending' | 'sent' | 'read' | 'failed'

export interface BubbleRow {
  type: 'bubble'
  key: string
  own: boolean
  name: string
  /** Address of the sender's picture. */
  face: string | null
  /** Shown above the first bubble of somebody, where more than one agent took part. */
  showName: boolean
  first: boolean
  last: boolean
  text: string | null
  /** Its text is not the first one. */
  edited: boolean
  /** What it answers. */
  quote: { name: string; text: string } | null
  picture: PictureData | null
  file: FileData | null
  /** Text with form, drawn by a part that is fetched for it; until then its words stand. */
  rich: RichDocument | null
  blob: Blob | null
  progress: number | null
  error: string | null
  at: Date
  /** Shown once, below the last bubble of a group. */
  time: string | null
  delivery: Delivery | null
  /** What a withdrawal points at; null while the message is not stored. */
  source: { conversationId: string; seq: number } | null
  clientId: string | null
}

export interface LineRow {
  type: 'line'
  key: string
  text: string
}

export type Row = BubbleRow | LineRow

export interface Thread {
  conversation: Conversation | null
  items: readonly Message[]
}

const PAUSE = 20 * 60_000
const TOGETHER = 3 * 60_000

export interface RowContext {
  now: Date
  locale: Locale
  greeting: string
}

/** What the panel shows, from top to bottom: a pure function of what is known. */
export function buildRows(threads: readonly Thread[], unsent: readonly OutboxEntry[], context: RowContext): Row[] {
  const rows: Row[] = []
  if (context.greeting) rows.push(bubble({ key: 'greeting', own: false, name: t('someone'), text: context.greeting, at: context.now }))
  let before: Date | null = null
  for (const { conversation, items } of threads) {
    const people = new Map(conversation?.participants.map((one) => [one.id, one]))
    const several = people.size > 1
    let assigned = false
    for (const message of items) {
      // what agents tell each other takes a place in the order and is not for this side
      if (message.kind === 'note') continue
      const at = new Date(message.at)
      const paused: boolean = before === null || at.getTime() - before.getTime() > PAUSE || !sameDay(at, before)
      const stamp = paused ? moment(at, context.now, context.locale) : null
      before = at
      const key = message.client_message_id ?? `${message.conversation_id}:${message.seq}`
      const sender = people.get(message.sender_id ?? '')
      const name = sender?.name || t('someone')
      const line = lineOf(message, name, assigned)
      if (isEvent(message) && message.data.name === 'assigned') assigned = true
      if (line === '') continue
      if (line !== null) {
        rows.push({ type: 'line', key, text: stamp ? `${stamp}\u3000${line}` : `${clock(at)}\u3000${line}` })
        continue
      }
      if (stamp) rows.push({ type: 'line', key: `at:${key}`, text: stamp })
      const own = message.sender_kind === 'customer'
      rows.push(
        bubble({
          key,
          own,
          name,
          face: sender?.avatar_url ?? null,
          showName: several && !own,
          text: message.text,
          edited: message.edited === true,
          quote: quoteOf(message, items, people),
          picture: isPicture(message) ? message.data : null,
          file: isFile(message) ? message.data : null,
          rich: isRich(message) ? message.data.document : null,
          at,
          delivery: own ? (message.seq <= (conversation?.agent_read_seq ?? 0) ? 'read' : 'sent') : null,
          source: { conversationId: message.conversation_id, seq: message.seq },
          clientId: message.client_message_id,
        }),
      )
    }
  }
  for (const entry of unsent) {
    rows.push(
      bubble({
        key: entry.client_message_id,
        own: true,
        text: entry.text,
        blob: entry.blob,
        picture: entry.kind === 'picture' ? unsentPicture(entry) : null,
        file: entry.kind === 'file' ? unsentFile(entry) : null,
        progress: entry.progress,
        error: entry.error,
        at: new Date(entry.created_at),
        delivery: entry.state,
        clientId: entry.client_message_id,
      }),
    )
  }
  group(rows)
  return rows
}

function bubble(part: Partial<BubbleRow> & { key: string; own: boolean; at: Date }): BubbleRow {
  return {
    type: 'bubble',
    name: '',
    face: null,
    showName: false,
    first: true,
    last: true,
    text: null,
    edited: false,
    quote: null,
    picture: null,
    file: null,
    rich: null,
    blob: null,
    progress: null,
    error: null,
    time: null,
    delivery: null,
    source: null,
    clientId: null,
    ...part,
  }
}

/** The line above an answer: of what is not loaded, or was taken back, it says so much. */
function quoteOf(message: Message, items: readonly Message[], people?: ReadonlyMap<string, { name: string }>): BubbleRow['quote'] {
  const { reply_to } = (message.data ?? {}) as ReplyRef
  if (!reply_to) return null
  const meant = items.find(({ seq }) => seq === reply_to.seq)
  if (!meant || meant.withdrawn) return { name: '', text: t('quoteGone') }
  return { name: meant.sender_kind === 'customer' ? '' : people?.get(meant.sender_id ?? '')?.name || t('someone'), text: meant.text ?? (isFile(meant) ? meant.data.name : `[${t('picture')}]`) }
}

function unsentFile({ name, file, size, blob }: OutboxEntry): FileData {
  return { file_id: '', name: file?.name ?? name ?? '', content_type: '', size: size ?? blob?.size ?? 0, risky: false, expires_at: '' }
}

function unsentPicture(entry: OutboxEntry): PictureData {
  const file = entry.file && 'width' in entry.file ? entry.file : null
  return {
    file_id: '',
    name: entry.name ?? '',
    content_type: file?.content_type ?? entry.blob?.type ?? '',
    size: file?.size ?? entry.blob?.size ?? 0,
    width: file?.width ?? 0,
    height: file?.height ?? 0,
  }
}

/** The grey line that a message is, null when it is a bubble, empty when it says nothing to this side. */
function lineOf(message: Message, name: string, assigned: boolean): string | null {
  const own = message.sender_kind === 'customer'
  if (message.withdrawn) return own ? t('youWithdrew') : t('withdrew', { name })
  if (!isEvent(message)) return message.kind === 'event' ? '' : null
  const { data } = message
  const who = { name: data.agent_name ?? t('someone') }
  switch (data.name) {
    case 'assigned':
      return t(assigned ? 'servesNow' : 'serves', who)
    case 'transferred':
      return t('servesNow', who)
    case 'joined':
    case 'left':
      return t(data.name, who)
    case 'idle_warning':
      return t('idleWarning', { time: clock(new Date(data.ends_at ?? message.at)) })
    case 'ended':
      return t(data.by === 'customer' ? 'endedByYou' : data.by === 'system' ? 'endedBySystem' : 'endedRow')
    case 'evaluation_invited':
      return t('invited')
    case 'reopened':
      return t('reopenedRow')
    default:
      return ''
  }
}

/** Bubbles of one sender within minutes join; the time and the delivery stand once, below the last. */
function group(rows: readonly Row[]): void {
  const joins = (a: Row | undefined, b: Row | undefined): boolean =>
    a?.type === 'bubble' &&
    b?.type === 'bubble' &&
    a.own === b.own &&
    a.name === b.name &&
    a.key !== 'greeting' &&
    Math.abs(b.at.getTime() - a.at.getTime()) < TOGETHER
  rows.forEach((row, i) => {
    if (row.type !== 'bubble') return
    row.first = !joins(rows[i - 1], row)
    row.last = !joins(row, rows[i + 1])
    row.showName = row.showName && row.first
    const next = rows[i + 1]
    const delivered = next?.type !== 'bubble' || next.delivery === row.delivery
    // a group that is partly read or partly sent says so where the state changes
    if (row.own && row.key !== 'greeting' && (row.last || !delivered)) row.time = clock(row.at)
  })
}
