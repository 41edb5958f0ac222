/**
 * Requests for a permission that were refused on this device: they wait no longer, and can be answered anew. No contents: ids.
 *
 * @module
 */
const REFUSED = 'trusthealth.requests-refused'

export function readRefused(person: string): readonly string[] {
  const kept = localStorage.getItem(`${REFUSED}.${person}`)
  return kept === null ? [] : (JSON.parse(kept) as readonly string[])
}

export function keepRefused(person: string, appointment: string): void {
  const all = new Set([...readRefused(person), appointment])
  localStorage.setItem(`${REFUSED}.${person}`, JSON.stringify([...all]))
}
