import type { Grading } from '@qiatan/api'

export const LEVELS = ['gold', 'silver', 'bronze'] as const
export type Level = (typeof LEVELS)[number]
export const MAX_COUNT = 1_000

/** Which grade a conversation with so many messages of either side earns; null: none (F33). */
export function gradeOf(grading: Grading, customer: number, agent: number): Level | null {
  return LEVELS.find((level) => customer >= grading[level].customer && agent >= grading[level].agent) ?? null
}

export type GradeFault = { level: Level; side: 'customer' | 'agent'; kind: 'range' | 'order' }

/** The first thing that is wrong: a count out of range, or a better grade that is easier to earn on one side. */
export function gradeFault(grading: Grading): GradeFault | null {
  for (const level of LEVELS) {
    for (const side of ['customer', 'agent'] as const) {
      const count = grading[level][side]
      if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) return { level, side, kind: 'range' }
    }
  }
  for (const [i, level] of LEVELS.entries()) {
    const next = LEVELS[i + 1]
    if (!next) break
    for (const side of ['customer', 'agent'] as const) if (grading[level][side] < grading[next][side]) return { level, side, kind: 'order' }
  }
  return null
}

/** A conversation that just misses the gold one by what its customer wrote: it shows that both counts are needed. */
export function example(grading: Grading): { customer: number; agent: number; grade: Level | null } {
  const customer = Math.max(1, grading.gold.customer - 1)
  const agent = grading.gold.agent + 2
  return { customer, agent, grade: gradeOf(grading, customer, agent) }
}
