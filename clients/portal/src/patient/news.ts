/**
 * New results that a person may want to hear from a doctor first: by the hospital's list of codes, stored and dated in the
 * last 90 days, with no visit since. That one is there is never hidden; what it says opens on the person's own choice.
 *
 * @module
 */
import { at, dateTextOf, listAt, textAt, type Resource } from '../fhir/read.ts'

const NEW_MS = 90 * 86_400_000
/** Where FHIR says what something is, and how it is labelled. */
const CODED = ['code', 'type', 'category'] as const

/** Whether one of the resource's codes or labels is in the list, of entries `system|code`. */
export function isSensitive(resource: Resource, list: readonly string[]): boolean {
  const codings = [
    ...CODED.flatMap((member) => listAt(resource, member)).flatMap((concept) => listAt(concept, 'coding')),
    ...listAt(at(resource, 'meta'), 'security'),
  ]
  return codings.some((coding) => list.includes(`${textAt(coding, 'system') ?? ''}|${textAt(coding, 'code') ?? ''}`))
}

/** @param visitsEndedMs ends of the patient's appointments, also of coming ones. */
export function isNews(resource: Resource, { storedMs, nowMs, visitsEndedMs }: NewsFacts): boolean {
  const datedMs = Date.parse(dateTextOf(resource) ?? '')
  const isOld = nowMs - storedMs > NEW_MS || nowMs - datedMs > NEW_MS
  return !isOld && !visitsEndedMs.some((endMs) => endMs > storedMs && endMs <= nowMs)
}

interface NewsFacts {
  readonly storedMs: number
  readonly nowMs: number
  readonly visitsEndedMs: readonly number[]
}
