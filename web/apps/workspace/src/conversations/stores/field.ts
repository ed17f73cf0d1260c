import type { Id } from '@qiatan/api'
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'

/** Puts a text into the input of a conversation, where the caret is. Answers whether that conversation has one on the screen. */
export type Put = (of: Id, text: string, apart: boolean) => boolean

/** The input that is on the screen, for those who have a text for it. */
export const useField = defineStore('field', () => ({ put: shallowRef<Put | null>(null) }))
