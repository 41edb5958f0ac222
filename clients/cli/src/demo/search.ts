/**
 * Searches every file of a folder for a text, as it is and in hexadecimal and base64, as somebody with the disk would.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SearchResult {
  readonly hits: number
  readonly files: number
  readonly bytes: number
}

/** Programs that were copied into the folder are no data of anybody. */
const NOT_DATA = /node_modules|trusted-application\.mjs$/

export function searchFolder(folder: string, texts: readonly string[]): SearchResult {
  const needles = texts.flatMap(needlesOf)
  let hits = 0
  let files = 0
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || NOT_DATA.test(path)) continue
    const content = readFileSync(path)
    files++
    bytes += content.length
    hits += needles.filter((needle) => content.includes(needle)).length
  }
  return { hits, files, bytes }
}

/** The text, its hexadecimal, and its base64 at each of the three places it can stand at. */
export function needlesOf(text: string): Buffer[] {
  const plain = Buffer.from(text, 'utf8')
  const needles = [plain, Buffer.from(plain.toString('hex'))]
  for (let shift = 0; shift < 3; shift++) {
    const encoded = Buffer.concat([Buffer.alloc(shift), plain]).toString('base64url')
    // Characters at the ends depend on the neighbours; a short rest would be found by chance.
    const inner = encoded.slice(shift === 0 ? 0 : shift + 1, -3)
    if (inner.length >= 6) needles.push(Buffer.from(inner))
  }
  return needles
}
