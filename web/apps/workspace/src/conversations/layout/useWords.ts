import type { Conversation, Id } from '@qiatan/api'
import { computed } from 'vue'
import { currentLocale, t } from '../../i18n'
import { useSession } from '../../stores/session'
import { clockTime, dayName, longDate } from '../model/time'
import { customerName as nameOf } from './customerName'

const DEFAULT_ZONE = 'Asia/Shanghai'

/** Names and moments as the page writes them: in the chosen language and the enterprise's time zone. */
export function useWords() {
  const session = useSession()
  const zone = computed(() => session.enterprise?.timezone || DEFAULT_ZONE)
  const myId = computed(() => session.agent?.id ?? '')

  function customerName(conversation: Conversation): string {
    return nameOf(conversation.customer)
  }

  /** The name of an agent who took part; a neutral word where it is not known. */
  function agentName(conversation: Conversation, id: Id | null): string {
    return conversation.participants.find((one) => one.id === id)?.name ?? t('conversations.thread.colleague')
  }

  function clock(at: string): string {
    return clockTime(at, zone.value)
  }

  function day(at: string, now: number): string {
    const name = dayName(at, now, zone.value)
    return name ? t(`conversations.thread.${name}`) : longDate(at, now, zone.value, currentLocale())
  }

  /** A moment in a list: the time today, else the day. */
  function short(at: string, now: number): string {
    return dayName(at, now, zone.value) === 'today' ? clock(at) : day(at, now)
  }

  /** Day and time, for a list of facts. */
  function moment(at: string, now: number): string {
    return `${day(at, now)} ${clock(at)}`
  }

  return { zone, myId, customerName, agentName, clock, day, short, moment }
}
