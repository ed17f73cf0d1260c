import type { AgentStatus, Id, TransferTargets } from '@qiatan/api'

interface Common {
  key: string
  id: Id
  name: string
  /** Whether somebody there can take one more now; the server decides, this only shows it. */
  can: boolean
}

export type Choice =
  | (Common & { kind: 'group'; serving: number; free: number; closed: boolean })
  | (Common & { kind: 'agent'; status: AgentStatus; open: number; maximum: number })

const names = new Intl.Collator(['zh-CN', 'en'], { numeric: true })

/** To whom a conversation may go: groups, then agents, those who can take it first; only those whose name is searched. */
export function choicesOf(targets: TransferTargets, query: string): Choice[] {
  const wanted = fold(query)
  const groups = targets.groups.map((one): Choice => ({
    kind: 'group', key: `group-${one.id}`, id: one.id, name: one.name, serving: one.serving, free: one.free, closed: !one.open_now, can: one.open_now && one.free > 0,
  }))
  const agents = targets.agents.map((one): Choice => {
    const status = one.connected ? one.status : 'offline'
    return {
      kind: 'agent', key: `agent-${one.id}`, id: one.id, name: one.name, status, open: one.open, maximum: one.maximum,
      can: status === 'online' && one.open < one.maximum,
    }
  })
  return [...groups.sort(order), ...agents.sort(order)].filter((one) => fold(one.name).includes(wanted))
}

function order(a: Choice, b: Choice): number {
  return Number(b.can) - Number(a.can) || names.compare(a.name, b.name)
}

function fold(text: string): string {
  return text.normalize('NFKC').toLocaleLowerCase().trim()
}
