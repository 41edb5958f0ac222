/**
 * What a person chose for results that ask first: opened, or a reminder. Kept in this browser, by the record's id alone.
 *
 * @module
 */
const CHOICES = 'trusthealth.results'

/** What a person chose for a record: opened, or a reminder from a time on. */
export type Choice = { readonly record: string; readonly opened: true } | Reminder

export interface Reminder {
  readonly record: string
  readonly remindMs: number
}

export function readChoices(me: string): readonly Choice[] {
  const kept = localStorage.getItem(`${CHOICES}.${me}`)
  return kept === null ? [] : (JSON.parse(kept) as readonly Choice[])
}

export function keepChoice(me: string, choice: Choice): void {
  const others = readChoices(me).filter(({ record }) => record !== choice.record)
  localStorage.setItem(`${CHOICES}.${me}`, JSON.stringify([...others, choice]))
}

export function wasOpened(choices: readonly Choice[], record: string): boolean {
  return choices.some((choice) => choice.record === record && 'opened' in choice)
}

/** Reminders whose time has come. */
export function dueReminders(choices: readonly Choice[], nowMs: number): readonly Reminder[] {
  return choices.filter((choice): choice is Reminder => 'remindMs' in choice && choice.remindMs <= nowMs)
}

/** The visit that ends first from now on. */
export function nextVisit<V extends { readonly endMs: number }>(visits: readonly V[], nowMs: number): V | undefined {
  return visits.filter(({ endMs }) => endMs > nowMs).toSorted((a, b) => a.endMs - b.endMs)[0]
}
