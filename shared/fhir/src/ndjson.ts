/**
 * Lines of NDJSON (`application/fhir+ndjson`, FHIR Bulk Data) out of a stream of byte chunks. Bytes, not text: a chunk
 * may end inside a character, and the bytes of a line are what is hashed and stored.
 *
 * @module
 */
import { FhirError } from './errors.ts'
import { RESOURCE_LIMITS } from './resource.ts'

const LINE_FEED = 0x0a

export interface NdjsonLine {
  /** From 1; empty lines count. */
  readonly lineNumber: number
  /** Without the line end (LF or CRLF); a copy. */
  readonly bytes: Uint8Array
}

/** Takes chunks in order, gives back the lines that they complete. Lines of white space only are left out. */
export class NdjsonSplitter {
  readonly #maxLineBytes: number
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #lineNumber = 0

  /** @param maxLineBytes A line may have so many bytes; 4 MiB as one resource. */
  constructor(maxLineBytes: number = RESOURCE_LIMITS.maxBytes) {
    this.#maxLineBytes = maxLineBytes
  }

  /**
   * The lines that end in this chunk. The chunk may be reused by the caller afterwards.
   *
   * @throws {FhirError} `FHIR_TOO_LARGE` with the line as `position`; the splitter is of no use afterwards.
   */
  push(chunk: Uint8Array): readonly NdjsonLine[] {
    const lines: NdjsonLine[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#keep(chunk.subarray(start, end))
      this.#endLine(lines)
      start = end + 1
    }
    // A copy: a stream may fill the same buffer again.
    if (start < chunk.length) this.#keep(chunk.slice(start))
    return lines
  }

  /** The last line, if the stream did not end with a line end. */
  end(): readonly NdjsonLine[] {
    const lines: NdjsonLine[] = []
    if (this.#pendingBytes > 0) this.#endLine(lines)
    return lines
  }

  #keep(piece: Uint8Array): void {
    this.#pendingBytes += piece.length
    if (this.#pendingBytes > this.#maxLineBytes) {
      throw new FhirError('FHIR_TOO_LARGE', 'the line is larger than the limit', this.#lineNumber + 1)
    }
    this.#pending.push(piece)
  }

  #endLine(lines: NdjsonLine[]): void {
    this.#lineNumber++
    const joined = new Uint8Array(this.#pendingBytes)
    let at = 0
    for (const piece of this.#pending) {
      joined.set(piece, at)
      at += piece.length
    }
    this.#pending = []
    this.#pendingBytes = 0
    const bytes = joined.at(-1) === 0x0d ? joined.slice(0, -1) : joined
    if (!bytes.every(isSpace)) lines.push({ lineNumber: this.#lineNumber, bytes })
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
