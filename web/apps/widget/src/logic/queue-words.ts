import type { Locale } from '../i18n'

/** Words of the waiting part; they come with it, so that whoever is served at once does not pay for them. */
const ZH = {
  header: '客服都在忙，正在为您排队',
  placeBefore: '第',
  placeAfter: '位',
  inQueue: '正在为您排队',
  soon: '预计不到 1 分钟',
  minutes: '预计约 {minutes} 分钟',
  long: '预计需要 1 小时以上',
  unknown: '暂时无法预计等待时间',
  text: '可以先把问题写下来，刷新或收起窗口都不会丢掉位置。',
  leave: '改为留言',
  stop: '不等了',
  messageHeader: '已转为留言',
  message: '已收到您的留言',
  messageText: '客服回来后会第一时间在这里答复您，也可以继续补充。',
  left: '没能改为留言，请再试一次',
}

type Words = typeof ZH

const EN: Words = {
  header: 'All agents are busy right now',
  placeBefore: 'Number',
  placeAfter: 'in the queue',
  inQueue: 'You are in the queue',
  soon: 'Expected wait: less than a minute',
  minutes: 'Expected wait: about {minutes} minutes',
  long: 'Expected wait: more than an hour',
  unknown: 'The wait cannot be estimated yet',
  text: 'You can write your question now. Your place is kept if you reload or close this window.',
  leave: 'Leave a message',
  stop: 'Stop waiting',
  messageHeader: 'Left as a message',
  message: 'We have your message',
  messageText: 'We will answer here as soon as somebody is back. You can add to it meanwhile.',
  left: 'That did not work, please try again',
}

export function queueWords(locale: Locale): Words {
  return locale === 'en' ? EN : ZH
}

/** An expected wait in words that promise no more than is known. Seconds; null where the server does not know. */
export function waitText(seconds: number | null, words: Words): string {
  if (seconds === null) return words.unknown
  if (seconds < 60) return words.soon
  if (seconds > 3_600) return words.long
  return words.minutes.replace('{minutes}', String(Math.max(2, Math.ceil(seconds / 60))))
}
