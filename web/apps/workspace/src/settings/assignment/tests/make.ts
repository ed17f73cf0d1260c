import type { AdvancedRule, Agent, AssignmentSettings, CandidateNote, Step, VisitorCondition } from '@qiatan/api'

export function visitor(over: Partial<VisitorCondition> = {}): VisitorCondition {
  return { kind: 'visitor', field: 'landing_page', operator: 'contains', values: ['/order'], ...over }
}

export function rule(id: string, over: Partial<AdvancedRule> = {}): AdvancedRule {
  return {
    id, name: `规则 ${id}`, enabled: true, match: 'all', groups: [{ match: 'all', conditions: [visitor()] }], agent_ids: ['a1'], group_ids: [], otherwise: 'continue', ...over,
  }
}

export function settings(over: Partial<AssignmentSettings> = {}): AssignmentSettings {
  return { base_rule: 'load', returning: true, returning_days: 90, rules: [], order: [], ...over }
}

export function step(over: Partial<Step>): Step {
  return { layer: 'base', verdict: 'skipped', reason: '', rule: null, failed: [], target: null, base_rule: null, candidates: [], more: 0, ...over }
}

export function note(over: Partial<CandidateNote>): CandidateNote {
  return { agent_id: 'a1', name: '程思远', why: 'less_suited', open: 3, maximum: 12, figure: null, ...over }
}

export function agent(id: string, over: Partial<Agent> = {}): Agent {
  return {
    id, email: `${id}@example.com`, name: id, public_name: '', avatar_url: null, staff_number: '', role: { id: 'r1', name: '', builtin: 'agent' },
    scope: { kind: 'all', group_ids: [] }, visitor_regions: { mode: 'all', regions: [] }, group_ids: [], max_conversations: 5, enabled: true, pending: false,
    two_factor: false, last_seen_at: null, locale: 'zh-CN', created_at: '2026-01-01T00:00:00Z', version: 1, ...over,
  }
}
