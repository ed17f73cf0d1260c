import type { EvaluationRules } from '@qiatan/api'

/** What holds where nothing was saved. */
export const STANDARD_EVALUATION: EvaluationRules = { prompt: '', automatic: false, by_customer: true }

export const MOST_PROMPT = 100

/** How many characters the question has too many, as the server counts them; 0 where it fits. */
export function promptOver({ prompt }: EvaluationRules): number {
  return Math.max(0, [...prompt].length - MOST_PROMPT)
}
