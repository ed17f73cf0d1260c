import type { Id, ReplyBrief } from '@qiatan/api'

/** Where in the title the query was found; null where it was found elsewhere. */
export type Span = readonly [from: number, to: number] | null

export interface Found {
  reply: ReplyBrief
  mark: Span
}

/** What the ranking knows of this agent's own habits: when an entry was last used, by id (milliseconds). */
export type Recency = (id: Id) => number

interface Prepared {
  reply: ReplyBrief
  title: string
  /** Made when it is first looked through: most queries are answered by the titles. */
  text: string | null
  /** The syllables in one word, with the place at which each begins. */
  joined: string
  starts: readonly number[]
  initials: string
  /** How often it is used, by order of size, and my own last use. */
  fame: number
  last: number
}

/** Better is higher. A match in the title is worth more than any habit; between equals the habit decides. */
const TITLE_START = 6
const TITLE = 5
const INITIALS_START = 4
const PINYIN_START = 4
const INITIALS = 3
const PINYIN = 3
const TEXT = 2
const NONE = 0

const HOUR = 3_600_000
const DAY = 24 * HOUR
const WEEK = 7 * DAY
/** The parts of one number that orders everything: how well it matches, whose it is, how much it is used. */
const PER_RANK = 10_000
const PER_OWN = 1_000

const WIDE = /[\uff01-\uff5e\u3300-\u33ff]/

function fold(text: string): string {
  const small = text.toLowerCase()
  return WIDE.test(small) ? small.normalize('NFKC').toLowerCase() : small
}

/**
 * Finds quick replies by title, words, pinyin and initials. Made once for an index; a longer query looks only through what the
 * shorter one had found. 10,000 entries take a few milliseconds (bench/replies.bench.ts).
 */
export class ReplySearch {
  private readonly all: readonly Prepared[]
  private last: { query: string; hits: readonly Prepared[] } | null = null

  constructor(entries: readonly ReplyBrief[]) {
    this.all = entries.map(prepare)
  }

  /** Best first, at most `most`. An empty query gives what is used most. */
  find(query: string, most: number, recency: Recency = () => 0, now = Date.now()): Found[] {
    const wanted = fold(query.trim())
    const narrowed = wanted !== '' && this.last !== null && wanted.startsWith(this.last.query)
    const from = narrowed && this.last ? this.last.hits : this.all
    const hits: Prepared[] = []
    const scored: Scored[] = []
    for (const one of from) {
      const rank = wanted === '' ? TITLE : rankOf(one, wanted)
      if (rank === NONE) continue
      hits.push(one)
      const score = rank * PER_RANK + (one.reply.owner === 'own' ? PER_OWN : 0) + one.fame + freshness(Math.max(one.last, recency(one.reply.id)), now)
      keep(scored, { one, score }, most)
    }
    this.last = wanted === '' ? null : { query: wanted, hits }
    return ordered(scored, most).map(({ one }) => ({ reply: one.reply, mark: markOf(one, wanted) }))
  }

  /** How many there are for a query, shown or not. */
  count(query: string): number {
    const wanted = fold(query.trim())
    if (wanted === '') return this.all.length
    if (this.last?.query !== wanted) this.find(query, 0)
    return this.last?.hits.length ?? 0
  }
}

interface Scored { one: Prepared; score: number }

function better(a: Scored, b: Scored): number {
  return b.score - a.score || a.one.reply.position - b.one.reply.position
}

/** Keeps no more than is needed for the best: when there are many times as many, the worst go. */
function keep(scored: Scored[], next: Scored, most: number): void {
  scored.push(next)
  if (scored.length > most * 8 + 64) ordered(scored, most)
}

function ordered(scored: Scored[], most: number): Scored[] {
  scored.sort(better)
  if (scored.length > most) scored.length = most
  return scored
}

function prepare(reply: ReplyBrief): Prepared {
  const starts: number[] = []
  let joined = ''
  for (const one of fold(reply.pinyin).split(/\s+/)) {
    if (one === '') continue
    starts.push(joined.length)
    joined += one
  }
  return {
    reply, title: fold(reply.title), text: null, joined, starts, initials: fold(reply.initials).replace(/\s+/g, ''),
    fame: Math.log2(1 + reply.uses) + Math.log2(1 + reply.all_uses) / 4, last: reply.used_at === null ? 0 : Date.parse(reply.used_at),
  }
}

function rankOf(one: Prepared, wanted: string): number {
  const at = one.title.indexOf(wanted)
  if (at === 0) return TITLE_START
  if (at > 0) return TITLE
  if (/^[a-z0-9]+$/.test(wanted)) {
    const initial = one.initials.indexOf(wanted)
    if (initial === 0) return INITIALS_START
    const sound = soundsAt(one, wanted)
    if (sound === 0) return PINYIN_START
    if (initial > 0) return INITIALS
    if (sound > 0) return PINYIN
  }
  one.text ??= fold(one.reply.text)
  return one.text.includes(wanted) ? TEXT : NONE
}

/** Where the syllables say it, beginning with a syllable; -1 where they do not. */
function soundsAt(one: Prepared, wanted: string): number {
  for (let at = one.joined.indexOf(wanted); at >= 0; at = one.joined.indexOf(wanted, at + 1)) if (one.starts.includes(at)) return at
  return -1
}

/** The last hours count for more than old fame. */
function freshness(last: number, now: number): number {
  if (last === 0) return 0
  const age = now - last
  return age < HOUR ? 4 : age < DAY ? 3 : age < WEEK ? 2 : 1
}

function markOf(one: Prepared, wanted: string): Span {
  if (wanted === '') return null
  const at = one.title.indexOf(wanted)
  // Folding may change the length of a word; then nothing is marked rather than the wrong letters.
  if (at >= 0) return one.title.length === one.reply.title.length ? [at, at + wanted.length] : null
  const letters = [...one.reply.title]
  const initial = one.initials.indexOf(wanted)
  if (initial < 0 || letters.length !== one.reply.title.length || initial + wanted.length > letters.length) return null
  const isHan = letters.slice(0, initial + wanted.length).every((letter) => /\p{Script=Han}/u.test(letter))
  return isHan ? [initial, initial + wanted.length] : null
}
