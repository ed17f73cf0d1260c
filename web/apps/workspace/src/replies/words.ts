import { t } from '../i18n'
import { fillText, VARIABLES, type Values, type Variable } from './variables'

const KEYS = {
  'customer.name': 'customerName', 'agent.name': 'agentName', 'page.title': 'pageTitle', 'page.url': 'pageUrl', 'enterprise.name': 'enterpriseName',
} as const

/** What a variable is called by people. */
export function nameOf(variable: Variable): string {
  return t(`replies.variable.${KEYS[variable]}`)
}

export function namesOf(variables: readonly Variable[]): string {
  return variables.map(nameOf).join(t('replies.comma'))
}

/** For looking at, never for sending: where something is not known, its name in braces stands for it. */
export function readable(values: Values | null): Values {
  const entries = VARIABLES.map((name) => [name, values?.[name] || t('replies.variable.place', { name: nameOf(name) })] as const)
  return Object.fromEntries(entries) as Record<Variable, string>
}

/** A line of a list: what it says, with the names of its variables. */
export function lineOf(text: string): string {
  return text === '' ? t('conversations.preview.picture') : fillText(text, readable(null)).text
}
