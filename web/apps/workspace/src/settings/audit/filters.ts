import type { AuditFilter } from '@qiatan/api'
import { dayStart, nextDay } from '../security/days'

/** What is asked for, as the address of the page holds it: texts, empty where anything fits. */
export interface Asked {
  actor: string
  action: string
  kind: string
  id: string
  /** First and last day, both included, as `2026-11-22`. */
  from: string
  to: string
}

const NAMES = { actor: 'actor_id', action: 'action', kind: 'subject_kind', id: 'subject_id', from: 'from', to: 'to' } as const
const DAY = /^\d{4}-\d\d-\d\d$/
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const WORDS = /^[a-z_.]{1,60}$/
const KIND = /^[a-z_]{1,30}$/
const FITS: Readonly<Record<keyof Asked, RegExp>> = { actor: ID, action: WORDS, kind: KIND, id: ID, from: DAY, to: DAY }

/** The page's address that shows what was done to one thing. */
export function auditOf(kind: string, id: string): { path: string; query: Record<string, string> } {
  return { path: '/settings/audit', query: { [NAMES.kind]: kind, [NAMES.id]: id } }
}

type Query = Readonly<Record<string, unknown>>

/** Reads the address of the page; what cannot be meant is left out. */
export function askedBy(query: Query): Asked {
  const read = (name: keyof Asked): string => {
    const value = query[NAMES[name]]
    if (typeof value !== 'string' || !FITS[name].test(value)) return ''
    return (name === 'from' || name === 'to') && Number.isNaN(Date.parse(`${value}T00:00:00Z`)) ? '' : value
  }
  return { actor: read('actor'), action: read('action'), kind: read('kind'), id: read('id'), from: read('from'), to: read('to') }
}

export function queryOf(asked: Asked): Record<string, string> {
  return Object.fromEntries(Object.entries(NAMES).filter(([name]) => asked[name as keyof Asked] !== '').map(([name, key]) => [key, asked[name as keyof Asked]]))
}

/** What the server is asked: days become moments of the enterprise's zone. */
export function filterOf(asked: Asked, zone: string): AuditFilter {
  return {
    actor_id: asked.actor || null,
    action: asked.action || null,
    subject_kind: asked.kind || null,
    subject_id: asked.id || null,
    from: asked.from === '' ? null : dayStart(asked.from, zone),
    to: asked.to === '' ? null : dayStart(nextDay(asked.to), zone),
  }
}
