import type { ConversationRules, ConversationSettings, Transfers, TransferSettings } from '@qiatan/api'
import { computed, shallowRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { onFrame, onReconnect } from '../../live'
import { usePeople } from '../../stores/people'
import { useSession } from '../../stores/session'
import { coveredBy, fieldText } from '../../ui/errors'
import { reportSurprise } from '../../ui/report'
import { toastDone } from '../../ui/toasts'
import { useDraft } from '../../ui/useDraft'
import { useLoad } from '../../ui/useLoad'
import { endFault, STANDARD_END } from './ends'
import { promptOver, STANDARD_EVALUATION } from './evaluation'
import { gradeFault } from './grades'
import { stepFaults } from './steps'

const TRANSFER_FIELDS = ['steps', 'ask', 'ask_seconds', 'groups_for_self', 'absent_minutes']
const RULE_FIELDS = ['auto_end', 'grading', 'evaluation.prompt']

/** Two objects of the server on one page with one save bar: how conversations move on, and how they end. */
export function useRules() {
  const session = useSession()
  const people = usePeople()
  const transfers = shallowRef<Transfers | null>(null)
  const rules = shallowRef<ConversationRules | null>(null)
  const ready = shallowRef(false)
  const seesTransfers = computed(() => session.can('routing.view'))
  const seesRules = computed(() => session.can('conversations.view_rules'))

  const fetchTransfers = async (): Promise<void> => { transfers.value = await api.transfers() }
  const fetchRules = async (): Promise<void> => { rules.value = await api.conversationRules() }
  const fetchAll = (): Promise<unknown> => Promise.all([
    ...(seesTransfers.value ? [fetchTransfers()] : []),
    ...(seesRules.value ? [fetchRules()] : []),
  ])
  const load = useLoad(async () => {
    await Promise.all([fetchAll(), ...(session.can('agents.view') && !people.loaded ? [people.load()] : [])])
    ready.value = true
  })
  onFrame('changed', (frame) => { if (frame.object === 'routing' || frame.object === 'enterprise') fetchAll().catch(reportSurprise) })
  onReconnect(() => { fetchAll().catch(reportSurprise) })

  const moving = useDraft<TransferSettings, Transfers>({
    source: () => transfers.value,
    fields: ({ settings }) => settings,
    save: async (_changed, version) => {
      if (moving.draft.value) transfers.value = await api.saveTransfers({ settings: moving.draft.value, version })
    },
    refetch: fetchTransfers,
  })
  const ending = useDraft<ConversationSettings, ConversationRules>({
    source: () => rules.value,
    // a kind of channel that was never set is shown with what holds for it
    fields: ({ settings }) => ({ ...settings, auto_end: { web: STANDARD_END, ...settings.auto_end }, evaluation: { ...STANDARD_EVALUATION, ...settings.evaluation } }),
    save: async (_changed, version) => {
      if (ending.draft.value) rules.value = await api.saveConversationRules({ settings: ending.draft.value, version })
    },
    refetch: fetchRules,
  })
  const both = [moving, ending]

  const changes = computed(() => moving.changes.value + ending.changes.value)
  const saving = computed(() => both.some((form) => form.saving.value))
  const conflict = computed(() => both.some((form) => form.conflict.value))
  const blocked = computed(() => {
    const [now, then] = [moving.draft.value, ending.draft.value]
    return (now !== null && stepFaults(now.steps).some((fault) => fault !== null))
      || (then !== null && (endFault(then.auto_end.web ?? STANDARD_END) || (then.grading.enabled && gradeFault(then.grading) !== null) || promptOver({ ...STANDARD_EVALUATION, ...then.evaluation }) > 0))
  })
  const within = (fields: readonly string[]): string[] => fields.flatMap((field) => [field, `settings.${field}`])
  const error = computed(() => {
    if (moving.error.value && !coveredBy(moving.error.value, within(TRANSFER_FIELDS))) return moving.error.value
    return ending.error.value && !coveredBy(ending.error.value, within(RULE_FIELDS)) ? ending.error.value : null
  })

  /** What the server said of one field, under either name it may give it. */
  function refusedOf(failure: unknown, field: string): string | null {
    return fieldText(failure, `settings.${field}`) ?? fieldText(failure, field)
  }

  async function save(): Promise<void> {
    if (blocked.value) return
    const done: boolean[] = []
    for (const form of both) if (form.changes.value > 0) done.push(await form.save())
    if (done.length > 0 && done.every(Boolean)) toastDone(t('service.rules.saved'))
  }
  function discard(): void {
    for (const form of both) form.discard()
  }
  function keepMine(): void {
    for (const form of both) if (form.conflict.value) form.keepMine()
  }

  return {
    load, ready, transfers, rules, seesTransfers, seesRules, moving, ending, changes, saving, conflict, blocked, error, save, discard, keepMine,
    transferFault: (field: string) => refusedOf(moving.error.value, field),
    ruleFault: (field: string) => refusedOf(ending.error.value, field),
    mayMove: computed(() => session.can('routing.edit')),
    mayEnd: computed(() => session.can('conversations.edit_rules')),
  }
}
