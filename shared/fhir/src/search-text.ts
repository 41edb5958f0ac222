/**
 * The words of a resource for full-text search: narrative, names, displays, notes, and attachments that are text.
 *
 * Limits: at most `MAX_SEARCH_TEXT` UTF-16 units and `MAX_NODES` values are looked at; what comes later in a very
 * large resource is not found by words (it is still found by code, date and kind). Plain text, not safe HTML.
 *
 * @module
 */
import { isObject, textOf, truncate } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { decodeTextAttachment } from './attachment.ts'
import { foldSpace, plainTextOf } from './narrative.ts'

export const MAX_SEARCH_TEXT = 65_536
const MAX_NODES = 50_000
const MAX_DEPTH = 64

/** Elements whose strings are words for people. */
const WORDS = new Set(
  (
    'display text title description comment conclusion summary detail name family given valueString ' +
    'patientInstruction instruction contentString diagnosis reason'
  ).split(' '),
)

/** Elements that hold identifiers, machine data or administrative data only. */
const SKIPPED = new Set('meta extension modifierExtension identifier telecom address security signature'.split(' '))

/** All words of a resource, each text once, separated by new lines. */
export function searchTextOf(resource: JsonObject): string {
  const words = new Words()
  const narrative = resource['text']
  if (isObject(narrative)) words.addXhtml(narrative['div'])
  words.visitObject(resource, 0)
  return words.toString()
}

/** What has been found so far; stops taking when a limit is reached. */
class Words {
  readonly #texts = new Set<string>()
  #length = 0
  #nodes = 0

  toString(): string {
    return truncate([...this.#texts].join('\n'), MAX_SEARCH_TEXT)
  }

  addXhtml(value: unknown): void {
    if (typeof value === 'string' && this.#hasRoom()) this.#add(plainTextOf(value, MAX_SEARCH_TEXT))
  }

  visitObject(object: JsonObject, depth: number): void {
    if (depth >= MAX_DEPTH) return
    for (const name in object) {
      if (!this.#hasRoom() || ++this.#nodes > MAX_NODES) return
      const value = object[name]
      if (typeof value === 'string') {
        if (WORDS.has(name)) this.#add(foldSpace(truncate(value, MAX_SEARCH_TEXT)))
        else if (name === 'div' && depth > 1) this.addXhtml(value)
        else if (name === 'data') this.#addAttachment(object)
      } else if (typeof value === 'object' && value !== null && !SKIPPED.has(name)) this.#visit(name, value, depth + 1)
    }
  }

  #visit(name: string, value: object, depth: number): void {
    if (!Array.isArray(value)) {
      this.visitObject(value as JsonObject, depth)
      return
    }
    for (const element of value as unknown[]) {
      if (!this.#hasRoom() || ++this.#nodes > MAX_NODES) return
      if (isObject(element)) this.visitObject(element, depth)
      else if (typeof element === 'string' && WORDS.has(name)) this.#add(foldSpace(truncate(element, MAX_SEARCH_TEXT)))
    }
  }

  #addAttachment(attachment: JsonObject): void {
    const contentType = textOf(attachment['contentType'])
    const data = textOf(attachment['data'])
    if (contentType === undefined || data === undefined) return
    const text = decodeTextAttachment(contentType, data, MAX_SEARCH_TEXT)
    if (text === undefined) return
    this.#add(contentType.startsWith('text/plain') ? foldSpace(text) : plainTextOf(text, MAX_SEARCH_TEXT))
  }

  #add(text: string): void {
    if (text === '' || this.#texts.has(text)) return
    this.#texts.add(text)
    this.#length += text.length + 1
  }

  #hasRoom(): boolean {
    return this.#length < MAX_SEARCH_TEXT
  }
}
