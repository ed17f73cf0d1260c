import { defineStore } from 'pinia'
import { ref } from 'vue'

/** How much waits for me behind each entry of the rail. The page that knows writes it; rail and window title read it. */
export const useBadges = defineStore('badges', () => {
  const conversations = ref(0)
  return { conversations }
})
