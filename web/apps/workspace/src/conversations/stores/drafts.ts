import type { Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowReactive, shallowRef } from 'vue'
import { Drafts } from '../model/drafts'

/** What was written and not sent, by conversation; over reloads of the page. */
export const useDrafts = defineStore('drafts', () => {
  const texts = shallowReactive(new Map<Id, string>())
  /** False from the moment the browser refused to keep one. */
  const kept = shallowRef(true)
  let drafts: Drafts | null = null

  function open(agentId: Id): void {
    drafts = new Drafts(window.localStorage, agentId)
    texts.clear()
    for (const [id, text] of drafts.all()) texts.set(id, text)
  }

  function read(id: Id): string {
    return texts.get(id) ?? ''
  }

  function write(id: Id, text: string): void {
    if (text === '') texts.delete(id)
    else texts.set(id, text)
    kept.value = drafts?.write(id, text) ?? false
  }

  function reset(): void {
    drafts = null
    texts.clear()
  }

  return { texts, kept, open, read, write, reset }
})
