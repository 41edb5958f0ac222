/**
 * Searches for texts that nobody outside the protected area may see: in files, in what passed over the wires, in what
 * was written to logs. Looks for the text as it is and in the encodings in which our formats carry bytes.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

export interface Finding {
  /** Where: a path below the searched folder, or the name of a stream. */
  readonly where: string
  readonly encoding: string
}

/** The text in UTF-8, hexadecimal, UTF-16, and base64 at each of its three alignments. */
export function needlesOf(text: string): ReadonlyMap<string, Buffer> {
  const plain = Buffer.from(text, 'utf8')
  const needles = new Map<string, Buffer>([
    ['utf-8', plain],
    ['hex', Buffer.from(plain.toString('hex'), 'latin1')],
    ['utf-16', Buffer.from(text, 'utf16le')],
  ])
  for (let shift = 0; shift < 3; shift++) {
    const padded = Buffer.concat([Buffer.alloc(shift), plain])
    // The first and last characters depend on the neighbours: what lies between is the same wherever the text stands.
    const inner = padded.toString('base64url').slice(shift === 0 ? 0 : shift + 1, -3)
    needles.set(`base64url+${shift}`, Buffer.from(inner, 'latin1'))
    needles.set(`base64+${shift}`, Buffer.from(inner.replaceAll('-', '+').replaceAll('_', '/'), 'latin1'))
  }
  return needles
}

/** Where one of the texts stands in `bytes`. */
export function searchBytes(where: string, bytes: Uint8Array, texts: readonly string[]): Finding[] {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return texts.flatMap((text) =>
    [...needlesOf(text)].filter(([, needle]) => haystack.includes(needle)).map(([encoding]) => ({ where, encoding })),
  )
}

/** Every file below a folder. @returns findings, and how much was searched: a search of nothing proves nothing. */
export function searchFolder(
  folder: string,
  texts: readonly string[],
): { readonly findings: readonly Finding[]; readonly files: number; readonly bytes: number } {
  const findings: Finding[] = []
  let files = 0
  let bytes = 0
  for (const path of filesBelow(folder)) {
    const content = readFileSync(path)
    files++
    bytes += content.length
    findings.push(...searchBytes(relative(folder, path), content, texts))
  }
  return { findings, files, bytes }
}

/** Native packages that a running copy of the trusted application is linked to are not of this world. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size > 0)
}
