import { shallowRef } from 'vue'

export interface Question {
  title: string
  body: string
  /** The verb of the title once more. */
  confirm: string
  cancel: string
  danger: boolean
}

interface Asked extends Question {
  answer: (yes: boolean) => void
}

export const asked = shallowRef<Asked | null>(null)

/** Asks one question in a dialog. A second question answers the first with "no". */
export function confirm(question: Question): Promise<boolean> {
  asked.value?.answer(false)
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null
        resolve(yes)
      },
    }
  })
}
