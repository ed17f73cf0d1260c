import { ref } from 'vue'

/** Grows when the visitor wants to say what they think of the service; the part that asks comes with the first of it. */
export const rating = ref(0)
/** The question stands in front of the conversation, which cannot be reached meanwhile. */
export const covered = ref(false)
