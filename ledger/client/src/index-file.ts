/**
 * The index of commitments as a file: one line of JSON for each block, with its digest. A line that was cut short by a
 * crash, and everything after a damaged one, is dropped and built again from the ledger.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { IndexedBlock } from './indexed-commitment.ts'

const DIGEST_LENGTH = 16

export class IndexFile {
  readonly #descriptor: number
  #end: number

  private constructor(descriptor: number, end: number) {
    this.#descriptor = descriptor
    this.#end = end
  }

  /** The file and the blocks that it holds, from 0 without a gap. */
  static open(path: string): { readonly file: IndexFile; readonly blocks: readonly IndexedBlock[] } {
    const descriptor = openSync(path, 'a+')
    const bytes = readFileSync(descriptor)
    const blocks: IndexedBlock[] = []
    let end = 0
    for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', end)) {
      const block = parseLine(bytes.toString('latin1', end, at))
      if (block?.block !== blocks.length) break
      blocks.push(block)
      end = at + 1
    }
    ftruncateSync(descriptor, end)
    return { file: new IndexFile(descriptor, end), blocks }
  }

  append(block: IndexedBlock): void {
    const json = JSON.stringify(block)
    const line = `${digestOf(json)} ${json}\n`
    writeSync(this.#descriptor, line, this.#end)
    this.#end += line.length // ASCII
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

function parseLine(line: string): IndexedBlock | undefined {
  const json = line.slice(DIGEST_LENGTH + 1)
  return line.slice(0, DIGEST_LENGTH) === digestOf(json) ? (JSON.parse(json) as IndexedBlock) : undefined
}

/** Against accidents, not against people: whoever can write the file can write a digest. */
function digestOf(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, DIGEST_LENGTH)
}
