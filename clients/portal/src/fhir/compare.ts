/**
 * What differs between two versions of a FHIR resource, as a person reads it: a quantity with its unit and a coded word are
 * one thing, the narrative and text documents are text. Entries of a list that are alike in both are not paired with others.
 *
 * @module
 */
import { conceptText, isObj, narrativeText, textAt, unitText, type Resource } from './read.ts'

export interface Change {
  /** Names of members from the resource down, without places in lists. */
  readonly path: readonly string[]
  /** Absent: was not there. */
  readonly before?: string
  /** Absent: is not there any more. */
  readonly after?: string
}

/** Of storing, not of what was written. */
const NOT_CONTENT = new Set(['meta', 'id'])

export function changesBetween(before: Resource, after: Resource): readonly Change[] {
  const changes: Change[] = []
  walk(withoutStorage(before), withoutStorage(after), [], changes)
  return changes
}

function withoutStorage(resource: Resource): Resource {
  const entries = Object.entries(resource).filter(([name]) => !NOT_CONTENT.has(name) && name !== 'text')
  const narrative = narrativeText(resource)
  return Object.fromEntries(narrative === undefined ? entries : [...entries, ['text', narrative]])
}

function walk(before: unknown, after: unknown, path: readonly string[], changes: Change[]): void {
  if (isSame(before, after)) return
  const [one, other] = [wholeText(before), wholeText(after)]
  const isWhole = (before === undefined || one !== undefined) && (after === undefined || other !== undefined)
  if (isWhole && one !== other) {
    changes.push({
      path,
      ...(one === undefined ? {} : { before: one }),
      ...(other === undefined ? {} : { after: other }),
    })
  } else if (Array.isArray(before) || Array.isArray(after)) {
    walkLists(listOf(before), listOf(after), path, changes)
  } else {
    const [left, right] = [isObj(before) ? before : {}, isObj(after) ? after : {}]
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
      walk(left[name], right[name], [...path, name], changes)
    }
  }
}

function walkLists(before: readonly unknown[], after: readonly unknown[], path: readonly string[], changes: Change[]) {
  const gone = before.filter((one) => !after.some((other) => isSame(one, other)))
  const come = after.filter((one) => !before.some((other) => isSame(one, other)))
  if (gone.length === 0 && come.length === 0) {
    // The same entries in another order, or one of them more often.
    changes.push({ path, before: JSON.stringify(before), after: JSON.stringify(after) })
  }
  for (let i = 0; i < Math.max(gone.length, come.length); i++) walk(gone[i], come[i], path, changes)
}

/** What is read as one thing; `undefined` for what has parts. */
function wholeText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!isObj(value)) return undefined
  if (Array.isArray(value['coding'])) return conceptText(value)
  if (isAmount(value)) {
    const unit = unitText(textAt(value, 'unit') ?? textAt(value, 'code'))
    return `${textAt(value, 'comparator') ?? ''}${textAt(value, 'value') ?? ''} ${unit}`.trim()
  }
  const data = value['data']
  if (typeof data === 'string' && textAt(value, 'contentType')?.startsWith('text/plain') === true) {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)))
  }
  return undefined
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : value === undefined ? [] : [value]
}

/** Whatever the order of members. */
function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, i) => isSame(item, (other as readonly unknown[])[i]))
  }
  if (!isObj(one) || !isObj(other)) return one === other
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].every((name) => isSame(one[name], other[name]))
}

/** A quantity: its digits may stand as text, so that none is lost. */
function isAmount({ value, unit, code }: Resource): boolean {
  return typeof value === 'number' || (typeof value === 'string' && (unit !== undefined || code !== undefined))
}
