import type { RoleBrief } from '@qiatan/api'
import { isMessageKey, t } from '../i18n'

/** Modules in the order in which people think of them; those a page does not know come last. */
const MODULES = ['conversations', 'routing', 'customers', 'tags', 'files', 'agents', 'groups', 'roles', 'channels', 'enterprise', 'security', 'audit', 'api_keys']

/** The words behind a key that is put together, or `otherwise` where a newer server names something this page does not know. */
function words(key: string, otherwise: string): string {
  return isMessageKey(key) ? t(key) : otherwise
}

function key(point: string): string {
  return `access.point.${point.replace('.', '_')}`
}

/** Points whose names need their module beside them: several modules have one of that name. */
const NEEDS_MODULE = new Set([
  'agents.view', 'agents.create', 'agents.edit', 'channels.view', 'channels.edit', 'enterprise.view', 'enterprise.edit', 'audit.view', 'audit.export',
  'api_keys.manage', 'routing.view', 'routing.edit',
])

/** Name of a role. The built-in ones are named in the reader's language. */
export function roleName(role: Pick<RoleBrief, 'name' | 'builtin'>): string {
  return role.builtin ? t(`access.builtin.${role.builtin}`) : role.name
}

/** As the server names the built-in roles in what it keeps of the past. */
const BUILTIN_NAMES: Readonly<Record<string, 'admin' | 'agent'>> = { 管理员: 'admin', 普通客服: 'agent' }

/** Name of a role of which only the kept name is left. No other role can have the name of a built-in one. */
export function roleNamed(name: string): string {
  const builtin = BUILTIN_NAMES[name]
  return builtin ? t(`access.builtin.${builtin}`) : name
}

export function moduleOf(point: string): string {
  return point.slice(0, point.indexOf('.'))
}

export function moduleName(module: string): string {
  return words(`access.module.${module}`, module)
}

export function pointName(point: string): string {
  return words(`${key(point)}.name`, point)
}

/** What a point allows, in one line; `otherwise` is the server's own (English) explanation. */
export function pointHint(point: string, otherwise: string): string {
  return words(`${key(point)}.hint`, otherwise)
}

/** A point as part of a sentence that says what somebody sees or may do. */
export function pointBrief(point: string): string {
  return words(`${key(point)}.brief`, point)
}

/** A point named alone, where nothing around it says what it is about. */
export function pointInModule(point: string): string {
  return t('access.pointIn', { module: moduleName(moduleOf(point)), point: pointName(point) })
}

/** A point in a list of points of several modules. */
export function pointAlone(point: string): string {
  return NEEDS_MODULE.has(point) ? pointInModule(point) : pointName(point)
}

export function joined(names: readonly string[]): string {
  return names.join(t('access.join'))
}

export function moduleOrder(module: string): number {
  const index = MODULES.indexOf(module)
  return index < 0 ? MODULES.length : index
}
