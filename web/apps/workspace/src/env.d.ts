/// <reference types="vite/client" />

interface Window {
  /** Answers that public/boot-1.js asked for, by address; null: there was none. */
  qiatanEarly?: Map<string, Promise<Response | null>>
}
