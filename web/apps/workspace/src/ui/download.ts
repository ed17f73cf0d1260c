import type { Download } from '@qiatan/api'

/** Hands a fetched file to the browser, which keeps it as a download. */
export function keepFile({ blob, name }: Download): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
