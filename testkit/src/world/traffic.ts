/**
 * What passed over the wires that the record server's operator and the network see, and what was written to logs: kept
 * in memory, to be searched for texts that must not be in it.
 *
 * @module
 */
import { searchBytes, type Finding } from './canaries.ts'

const MAX_BYTES = 256 * 1024 * 1024

export class Traffic {
  readonly #chunks: { readonly wire: string; readonly bytes: Uint8Array }[] = []
  readonly #lines: string[] = []
  #bytes = 0

  /** Bytes kept so far; a search of nothing proves nothing. */
  get bytes(): number {
    return this.#bytes
  }
  get lines(): number {
    return this.#lines.length
  }

  carry(wire: string, bytes: Uint8Array): void {
    if (this.#bytes > MAX_BYTES) throw new RangeError('too much traffic for one test')
    this.#bytes += bytes.length
    this.#chunks.push({ wire, bytes: bytes.slice() })
  }

  log(line: string): void {
    this.#lines.push(line)
  }

  search(texts: readonly string[]): Finding[] {
    return [
      ...this.#chunks.flatMap(({ wire, bytes }) => searchBytes(`wire ${wire}`, bytes, texts)),
      ...searchBytes('logs', Buffer.from(this.#lines.join('\n'), 'utf8'), texts),
    ]
  }
}
