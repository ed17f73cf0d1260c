import type { Assignment, AssignmentSettings } from '@qiatan/api'
import { ApiError } from '@qiatan/api'
import { useDebounceFn } from '@vueuse/core'
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { api } from '../../api'
import { t } from '../../i18n'
import { onFrame, onReconnect } from '../../live'
import { useChannels } from '../../stores/channels'
import { usePeople } from '../../stores/people'
import { usePresence } from '../../stores/presence'
import { useSession } from '../../stores/session'
import { reportSurprise } from '../../ui/report'
import { toastDone, toastProblem } from '../../ui/toasts'
import { useDraft, type Draft } from '../../ui/useDraft'
import { useLoad, type Load } from '../../ui/useLoad'
import { faultsOf, missing, refusedFaults, written, type Fault } from './problems'
import { tidy } from './rules'

const CHECK_AFTER_MS = 400

interface AssignmentForm {
  load: Load
  form: Draft<AssignmentSettings>
  saved: ComputedRef<AssignmentSettings | null>
  /** What is wrong or deserves a look, at the rules as they stand in the form. */
  faults: ComputedRef<Fault[]>
  barError: ComputedRef<unknown>
  save: () => Promise<void>
}

/** The settings of assignment as a form that is checked while it is written. `show` opens the rule that keeps them from being saved. */
export function useAssignment(show: (rule: string) => void): AssignmentForm {
  const session = useSession()
  const people = usePeople()
  const channels = useChannels()
  const presence = usePresence()
  const assignment = shallowRef<Assignment | null>(null)
  const found = shallowRef<Fault[]>([])
  const refused = shallowRef<Fault[]>([])
  const tried = shallowRef(false)

  async function fetchIt(): Promise<void> {
    assignment.value = await api.assignment()
  }
  const load = useLoad(async () => {
    if (!session.can('routing.view')) return
    await Promise.all([
      fetchIt(),
      ...(session.can('agents.view') ? [people.load()] : []),
      ...(session.can('channels.view') ? [channels.load()] : []),
      ...(session.can('conversations.serve') ? [presence.load()] : []),
    ])
  })
  function follow(): void {
    if (session.can('routing.view')) fetchIt().catch(reportSurprise)
  }
  onFrame('changed', (frame) => { if (frame.object === 'routing') follow() })
  onReconnect(follow)

  const form = useDraft<AssignmentSettings, Assignment>({
    source: () => assignment.value,
    fields: (source) => source.settings,
    save: async (_changed, version) => {
      if (!form.draft.value) return
      assignment.value = await api.changeAssignment({ settings: tidy(form.draft.value), version })
      toastDone(t('assignment.saved'))
    },
    refetch: fetchIt,
  })

  let turn = 0
  async function check(): Promise<void> {
    const mine = ++turn
    const now = form.draft.value
    if (!now || !assignment.value) return
    // What is saved was checked with it; whoever looks as a colleague may ask nothing.
    if (form.changes.value === 0 || session.readOnly) {
      found.value = faultsOf(assignment.value.problems, assignment.value.settings.rules)
      return
    }
    const asked = tidy(written(now))
    try {
      const problems = await api.checkAssignment(asked)
      if (mine === turn) found.value = faultsOf(problems, asked.rules)
    } catch (error) {
      if (mine !== turn) return
      found.value = refusedFaults(error, asked.rules)
      if (!(error instanceof ApiError) || error.code !== 'invalid_input') reportSurprise(error)
    }
  }
  const checkSoon = useDebounceFn(check, CHECK_AFTER_MS)
  watch([() => JSON.stringify(form.draft.value), assignment], () => {
    turn += 1
    refused.value = []
    if (form.changes.value === 0) tried.value = false
    void checkSoon()
  }, { immediate: true })

  const lacking = computed(() => (form.draft.value?.rules ?? []).flatMap(missing))
  const faults = computed(() => [...(tried.value ? lacking.value : []), ...refused.value, ...found.value])
  const barError = computed(() => {
    const error = form.error.value
    return error instanceof ApiError && error.code === 'invalid_input' && refused.value.length > 0 ? null : error
  })

  async function save(): Promise<void> {
    tried.value = true
    if (lacking.value.length === 0) await check()
    const blocking = lacking.value[0] ?? found.value.find((one) => one.blocking)
    if (blocking) {
      toastProblem(t('assignment.problem.blocked'))
      if (blocking.rule !== null) show(blocking.rule)
      return
    }
    const asked = form.draft.value ? tidy(form.draft.value) : null
    if (await form.save()) {
      tried.value = false
      return
    }
    refused.value = refusedFaults(form.error.value, asked?.rules ?? [])
    const first = refused.value.find((one) => one.rule !== null)
    if (refused.value.length > 0) toastProblem(t('assignment.problem.blocked'))
    if (first?.rule) show(first.rule)
  }

  return { load, form, saved: computed(() => assignment.value?.settings ?? null), faults, barError, save }
}
