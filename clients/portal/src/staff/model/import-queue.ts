/**
 * The queue of an import: files one after the other, resources of each in order, batches that are sent and answered. What was
 * refused is kept with its place and code; what was settled is not sent again, so a stopped import goes on at its line.
 *
 * @module
 */
import { decodeUtf8 } from '../../../../../shared/crypto/src/index.ts'
import {
  BUNDLE_LIMITS,
  FhirError,
  NdjsonSplitter,
  parseResource,
  splitBundle,
} from '../../../../../shared/fhir/src/index.ts'

/** One resource of a file, or why it is none. */
export type QueueItem =
  | { readonly position: number; readonly resourceType: string; readonly text: string }
  | { readonly position: number; readonly code: string }

export interface Refusal {
  readonly position: number
  readonly code: string
  /** What was read there, for copying; empty if it was no text. */
  readonly text: string
}

export type Answer = { readonly ok: true } | { readonly ok: false; readonly code: string }

/** How far one file is. */
export interface FileProgress {
  readonly name: string
  readonly total: number
  /** All up to here is settled: lines of NDJSON, entries of a Bundle; 0: none. */
  readonly position: number
  readonly stored: number
  readonly refused: readonly Refusal[]
  readonly isDone: boolean
}

/**
 * What a file holds. A bad line is an item with its code, so that the others go on.
 * @throws {FhirError} for a Bundle or single resource that cannot be read at all.
 */
export function readItems(name: string, bytes: Uint8Array): readonly QueueItem[] {
  if (/\.(ndjson|jsonl)$/i.test(name)) {
    const splitter = new NdjsonSplitter()
    return [...splitter.push(bytes), ...splitter.end()].map(({ lineNumber, bytes: line }) =>
      itemOf(lineNumber, () => decodeUtf8(line)),
    )
  }
  const text = decodeUtf8(bytes).replace(/^\uFEFF/, '')
  if (parseResource(text, BUNDLE_LIMITS).resourceType !== 'Bundle') return [itemOf(1, () => text)]
  return splitBundle(text).entries.flatMap(({ index, resourceText }) =>
    resourceText === undefined ? [] : [itemOf(index + 1, () => resourceText)],
  )
}

function itemOf(position: number, read: () => string): QueueItem {
  try {
    const text = read()
    return { position, resourceType: parseResource(text).resourceType, text }
  } catch (error) {
    return { position, code: error instanceof FhirError ? error.code : 'FHIR_NOT_JSON' }
  }
}

export class ImportFile {
  readonly name: string
  readonly #items: readonly QueueItem[]
  #position: number
  #stored: number
  #refused: Refusal[]

  /** @param kept how far an earlier run came. */
  constructor(name: string, items: readonly QueueItem[], kept?: Pick<FileProgress, 'position' | 'stored' | 'refused'>) {
    this.name = name
    this.#items = items
    this.#position = kept?.position ?? 0
    this.#stored = kept?.stored ?? 0
    this.#refused = [...(kept?.refused ?? [])]
  }

  get progress(): FileProgress {
    return {
      name: this.name,
      total: this.#items.length,
      position: this.#position,
      stored: this.#stored,
      refused: [...this.#refused],
      isDone: this.#next(1).length === 0,
    }
  }

  /** The next resources to send; bad items between them are settled with them. Empty at the end. */
  nextBatch(limit: number): readonly QueueItem[] {
    return this.#next(limit)
  }

  /** @param answers one for each good item of the batch, in order. @throws {RangeError} for another number. */
  settle(batch: readonly QueueItem[], answers: readonly Answer[]): void {
    const good = batch.filter((item) => 'text' in item)
    if (good.length !== answers.length) throw new RangeError('one answer for each resource')
    let at = 0
    for (const item of batch) {
      if (!('text' in item)) this.#refused.push({ position: item.position, code: item.code, text: '' })
      else {
        const answer = answers[at++] as Answer
        if (answer.ok) this.#stored++
        else this.#refused.push({ position: item.position, code: answer.code, text: item.text })
      }
      this.#position = Math.max(this.#position, item.position)
    }
  }

  #next(limit: number): readonly QueueItem[] {
    const found: QueueItem[] = []
    for (const item of this.#items) {
      if (item.position <= this.#position) continue
      if (found.length >= limit) break
      found.push(item)
    }
    return found
  }
}
