import type { ReplyBrief } from '@qiatan/api'

let count = 0

export function reply(title: string, rest: Partial<ReplyBrief> = {}): ReplyBrief {
  count += 1
  return {
    id: `r${count}`, owner: 'enterprise', group_id: null, position: count, title, text: '', kind: 'plain', pinyin: '', initials: '', uses: 0, used_at: null, all_uses: 0,
    version: 1, ...rest,
  }
}
