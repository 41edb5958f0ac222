/**
 * Who acts in this tab: chosen here, else the last one that was chosen in this browser.
 *
 * @module
 */
import type { IdentityCard } from '../session/core-area.ts'

const KEY = 'trusthealth.identity'

export function activeIdentity(all: readonly IdentityCard[]): IdentityCard | undefined {
  const chosen = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY)
  return all.find(({ id }) => id === chosen) ?? all.at(-1)
}

/** Whether somebody acted in this browser before: then a page with navigation comes. */
export function hasActed(): boolean {
  return (sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY)) !== null
}

export function chooseIdentity(id: string): void {
  sessionStorage.setItem(KEY, id)
  localStorage.setItem(KEY, id)
}
