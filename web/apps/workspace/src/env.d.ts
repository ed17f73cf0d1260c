/// <reference types="vite/client" />
import type { EarlyAnswer } from '@qiatan/api'

declare global {
  interface Window {
    /** Answers that public/boot-2.js asked for, by address; null: there was none. */
    qiatanEarly?: Map<string, Promise<EarlyAnswer | null>>
  }
}
