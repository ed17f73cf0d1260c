export interface Zone {
  id: string
  label: string
}

function offset(zone: string, locale: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(new Date())
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
}

/** The IANA zones this browser knows, the chosen one first known or not, each with its present offset. */
export function timezones(locale: string, chosen: string): Zone[] {
  const ids = new Set(['Asia/Shanghai', ...Intl.supportedValuesOf('timeZone'), 'UTC'])
  const zones = [...ids].map((id) => ({ id, label: `${id} (${offset(id, locale)})` }))
  return ids.has(chosen) ? zones : [{ id: chosen, label: chosen }, ...zones]
}
