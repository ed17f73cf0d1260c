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
  text: string
  pinyin: string
  /** The syllables in one word, with the place at which each begins. */
  joined: string
  starts: ReadonlySet<number>
  initials: string
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
const WEEK = 168 * HOUR

function fold(text: string): string {
  return text.normalize('NFKC').toLocaleLowerCase()
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
    const from = wanted !== '' && this.last && wanted.startsWith(this.last.query) ? this.last.hits : this.all
    const hits: Prepared[] = []
    const ranked: { one: Prepared; rank: number; use: number }[] = []
    for (const one of from) {
      const rank = wanted === '' ? TITLE : rankOf(one, wanted)
      if (rank === NONE) continue
      hits.push(one)
      ranked.push({ one, rank, use: useOf(one.reply, recency(one.reply.id), now) })
    }
    this.last = wanted === '' ? null : { query: wanted, hits }
    return ranked
      .sort((a, b) => b.rank - a.rank || own(b.one.reply) - own(a.one.reply) || b.use - a.use || a.one.reply.position - b.one.reply.position)
      .slice(0, most)
      .map(({ one }) => ({ reply: one.reply, mark: markOf(one, wanted) }))
  }

  /** How many there are for a query, shown or not. */
  count(query: string): number {
    const wanted = fold(query.trim())
    if (wanted === '') return this.all.length
    if (this.last?.query !== wanted) this.find(query, 0)
    return this.last?.hits.length ?? 0
  }
}

function prepare(reply: ReplyBrief): Prepared {
  const syllables = fold(reply.pinyin).split(/\s+/).filter((one) => one !== '')
  const starts = new Set<number>()
  let length = 0
  for (const one of syllables) {
    starts.add(length)
    length += one.length
  }
  return {
    reply, title: fold(reply.title), text: fold(reply.text), pinyin: syllables.join(' '), joined: syllables.join(''), starts,
    initials: fold(reply.initials).replace(/\s+/g, ''),
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
  return one.text.includes(wanted) ? TEXT : NONE
}

/** Where the syllables say it, beginning with a syllable; -1 where they do not. */
function soundsAt(one: Prepared, wanted: string): number {
  for (let at = one.joined.indexOf(wanted); at >= 0; at = one.joined.indexOf(wanted, at + 1)) if (one.starts.has(at)) return at
  return -1
}

function own(reply: ReplyBrief): number {
  return reply.owner === 'own' ? 1 : 0
}

/** What is used often and of late: uses count by their order of size, the last hours for more than old fame. */
function useOf(reply: ReplyBrief, here: number, now: number): number {
  const last = Math.max(here, reply.used_at === null ? 0 : Date.parse(reply.used_at))
  const age = Math.max(0, now - last)
  const fresh = last === 0 ? 0 : age < HOUR ? 4 : age < 24 * HOUR ? 3 : age < WEEK ? 2 : 1
  return Math.log2(1 + reply.uses) + Math.log2(1 + reply.all_uses) / 4 + fresh
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
