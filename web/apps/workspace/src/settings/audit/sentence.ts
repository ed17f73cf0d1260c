import type { AuditEntry } from '@qiatan/api'
import { currentLocale, isMessageKey, t } from '../../i18n'
import { joined, pointAlone, roleNamed } from '../../ui/access'
import { regionPath } from '../../ui/regions'
import { moment } from '../../ui/time'

/** The first parts of the actions there are: what the page filters by. A newer server may send others; they are shown by their names. */
export const AREAS = [
  'session', 'password', 'two_factor', 'agent', 'role', 'group', 'enterprise', 'channel', 'conversation', 'conversation_rules', 'assignment', 'queue', 'transfers',
  'hours', 'login_policy', 'login_log', 'oidc', 'api_key', 'mail', 'audit',
  'customer', 'customer_note', 'tag', 'tag_group', 'customer_field', 'blacklist_rules',
  'reply', 'reply_group', 'replies', 'counters',
] as const

/** Kinds of subjects that the page filters by. */
export const SUBJECTS = ['agent', 'role', 'group', 'enterprise', 'channel', 'login_policy', 'oidc', 'api_key'] as const

const FIELDS_NAMED = 3
const POINT = /^[a-z_]+\.[a-z_]+$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/
const REGION = /^[A-Z]{2}(?:\/[^/]+){0,2}$/

export function areaName(area: string): string {
  const key = `security.area.${area}`
  return isMessageKey(key) ? t(key) : area
}

export function fieldName(field: string): string {
  const key = `security.field.${field}`
  return isMessageKey(key) ? t(key) : field
}

function pairOf(entry: AuditEntry, value: unknown): readonly [unknown, unknown] | null {
  return entry.action.endsWith('.changed') && Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : null
}

/** Where a sentence tells what people do to themselves and somebody else did it to them, whom it was done to. */
function withWhom({ actor, subject }: AuditEntry, said: string): string {
  const another = subject?.kind === 'agent' && subject.name !== '' && subject.id !== actor.id && !said.includes(subject.name)
  return another ? t('security.audit.whom', { sentence: said, subject: subject.name }) : said
}

/** What it was done to; built-in roles are kept by the names the server gives them. */
export function subjectName({ subject }: AuditEntry): string {
  return subject?.kind === 'role' ? roleNamed(subject.name) : (subject?.name ?? '')
}

/** What was done, in a sentence without its doer. An action this page does not know is shown by its name. */
export function sentence(entry: AuditEntry): string {
  const subject = subjectName(entry)
  const key = `security.act.${entry.action.replaceAll('.', '_')}`
  if (!isMessageKey(key)) return subject === '' ? entry.action : t('security.audit.unknownAction', { action: entry.action, subject })
  const said = withWhom(entry, t(key, { subject }))
  const fields = Object.entries(entry.details ?? {}).filter(([, value]) => pairOf(entry, value)).map(([field]) => fieldName(field))
  if (fields.length === 0) return said
  const named = joined(fields.slice(0, FIELDS_NAMED))
  return t('security.audit.changedFields', {
    sentence: said,
    fields: fields.length > FIELDS_NAMED ? t('security.audit.andMore', { fields: named, count: fields.length }) : named,
  })
}

/** Who acted: a person by name, programs and the product by what they are. */
export function actorName({ actor }: AuditEntry): string {
  if (actor.kind === 'api_key') return t('security.audit.byKey', { name: actor.name })
  if (actor.kind === 'agent') return actor.name === '' ? t('security.audit.nobody') : actor.name
  return t(`security.audit.${actor.kind}`)
}

function word(text: string, zone: string): string {
  if (POINT.test(text)) return pointAlone(text)
  // Records are read long after: the day is written out with its year.
  if (INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return moment(text, zone, 0)
  if (REGION.test(text)) return regionPath(text, currentLocale())
  for (const key of [`security.value.${text}`, `security.reason.${text}`, `security.method.${text}`]) if (isMessageKey(key)) return t(key)
  return text
}

/** Fields whose text is what somebody wrote and never one of our words. */
const WRITTEN: ReadonlySet<string> = new Set([
  'name', 'public_name', 'email', 'staff_number', 'label', 'issuer', 'client_id', 'note', 'title', 'greeting', 'offline_text', 'launcher_text', 'members', 'groups', 'role', 'roles',
  'notes', 'admin', 'device',
])

const ROLES: ReadonlySet<string> = new Set(['role', 'roles'])

/** A value of an entry's details in words. */
export function valueText(field: string, value: unknown, zone: string): string {
  if (value === null || value === undefined || value === '') return t('security.audit.none')
  if (typeof value === 'boolean') return t(value ? 'security.audit.yes' : 'security.audit.no')
  if (typeof value === 'string' && ROLES.has(field)) return roleNamed(value)
  if (typeof value === 'string' && field === 'of') return fieldName(value)
  if (typeof value === 'string') return WRITTEN.has(field) ? value : word(value, zone)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.length === 0 ? t('security.audit.none') : joined(value.map((one) => valueText(field, one, zone)))
  return Object.entries(value)
    .filter(([, inner]) => inner !== null && inner !== '')
    .map(([inner, of]) => t('security.audit.inside', { field: fieldName(inner), value: valueText(inner, of, zone) }))
    .join(t('security.audit.insideJoin'))
}

export interface DetailRow {
  field: string
  /** Null where the entry tells a value and no change. */
  before: string | null
  after: string
}

/** The details of an entry, a line each: changes with both sides, other values alone. */
export function detailRows(entry: AuditEntry, zone: string): DetailRow[] {
  return Object.entries(entry.details ?? {}).map(([field, value]) => {
    const pair = pairOf(entry, value)
    return pair
      ? { field: fieldName(field), before: valueText(field, pair[0], zone), after: valueText(field, pair[1], zone) }
      : { field: fieldName(field), before: null, after: valueText(field, value, zone) }
  })
}
