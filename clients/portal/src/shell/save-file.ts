/**
 * Saves a text or bytes as a file of this device.
 *
 * @module
 */
const KEEP_MS = 60_000

export function saveFile(name: string, contents: string | Blob): void {
  const blob = typeof contents === 'string' ? new Blob([contents], { type: 'application/json' }) : contents
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS)
}
