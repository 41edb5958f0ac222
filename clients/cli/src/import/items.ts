/**
 * FHIR resources out of files, one at a time, with their place: a single resource, a Bundle, or NDJSON, each also
 * compressed with gzip. A bad one is an item too, with its reason, so that the others go on.
 *
 * Limits: NDJSON is streamed; a single resource or a Bundle is in memory, up to 64 MiB.
 *
 * @module
 */
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { decodeUtf8, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  BUNDLE_LIMITS,
  extractIndex,
  FhirError,
  linkBundle,
  NdjsonSplitter,
  parseResource,
  splitBundle,
  type BundleEntry,
  type FhirResource,
  type SplitBundle,
} from '../../../../shared/fhir/src/index.ts'
import type { ErrorCode } from '../../../../shared/protocol/src/index.ts'
import { CommandError } from '../command-error.ts'

/** Where an item stands: its line in NDJSON, its entry in a Bundle, 1 in a file with one resource; from 1. */
export interface ItemPlace {
  readonly file: string
  readonly position: number
}

export interface ResourceItem extends ItemPlace {
  /** The bytes as they stand in the file: these are signed and stored. */
  readonly bytes: Uint8Array
  readonly resource: FhirResource
  /** The patient it is about, as the file names it: `Patient/1`, `urn:uuid:…`; absent if it names none. */
  readonly patient?: string
  /** Of a Patient: other names under which the same file may speak of it. */
  readonly aliases?: readonly string[]
}

export interface BadItem extends ItemPlace {
  readonly code: ErrorCode
  readonly reason: string
}

export type ImportItem = ResourceItem | BadItem

export function isBad(item: ImportItem): item is BadItem {
  return 'code' in item
}

/** @param name as the person wrote it, for messages. @throws {CommandError} if the file cannot be read at all. */
export async function* readItems(path: string, name: string): AsyncGenerator<ImportItem, void, undefined> {
  if (isNdjson(path)) yield* readLines(path, name)
  else yield* readWhole(path, name)
}

export function isNdjson(path: string): boolean {
  return /\.(ndjson|jsonl)(\.gz)?$/i.test(path)
}

/** Chunks of the file's content, decompressed. */
export async function* readChunks(path: string, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  const content = /\.gz$/i.test(path) ? file.pipe(createGunzip()) : file
  // `pipe` does not pass errors on: without this, a missing file would wait for ever.
  file.on('error', (error) => content.destroy(error))
  try {
    for await (const chunk of content) yield chunk as Uint8Array
  } catch (cause) {
    throw new CommandError('CLIENT_USAGE', { what: `The file ${name} cannot be read.`, reason: reasonOf(cause), cause })
  } finally {
    file.destroy()
  }
}

async function* readLines(path: string, name: string): AsyncGenerator<ImportItem, void, undefined> {
  const splitter = new NdjsonSplitter()
  for await (const chunk of readChunks(path, name)) {
    for (const line of splitter.push(chunk)) yield itemOfLine(name, line.lineNumber, line.bytes)
  }
  for (const line of splitter.end()) yield itemOfLine(name, line.lineNumber, line.bytes)
}

async function* readWhole(path: string, name: string): AsyncGenerator<ImportItem, void, undefined> {
  const bytes = await readAll(path, name)
  let text: string
  let isBundle: boolean
  try {
    text = withoutByteOrderMark(decodeUtf8(bytes))
    isBundle = parseResource(text, BUNDLE_LIMITS).resourceType === 'Bundle'
  } catch (error) {
    yield badItem({ file: name, position: 1 }, error)
    return
  }
  if (isBundle) yield* readBundle(text, name)
  else yield itemOfText({ file: name, position: 1 }, text, encodeUtf8(text))
}

/** Entries in order; those that are no resource are bad items, the rest is linked without them. */
function readBundle(text: string, name: string): ImportItem[] {
  let bundle: SplitBundle
  try {
    bundle = splitBundle(text)
  } catch (error) {
    return [badItem({ file: name, position: 1 }, error)]
  }
  const items: ImportItem[] = []
  const good: BundleEntry[] = []
  for (const entry of bundle.entries) {
    if (entry.resourceText === undefined) continue
    try {
      parseResource(entry.resourceText)
      good.push(entry)
    } catch (error) {
      items.push(badItem({ file: name, position: entry.index + 1 }, error))
    }
  }
  for (const { entry, resource, patient } of linkBundle({ ...bundle, entries: good }).entries) {
    items.push({
      file: name,
      position: entry.index + 1,
      bytes: encodeUtf8(entry.resourceText as string),
      resource,
      ...(patient === undefined ? {} : { patient }),
      ...(resource.resourceType === 'Patient' ? { aliases: aliasesOf(resource, entry.fullUrl) } : {}),
    })
  }
  // The journal counts on it: everything before a position is settled.
  return items.toSorted((a, b) => a.position - b.position)
}

function itemOfLine(file: string, position: number, bytes: Uint8Array): ImportItem {
  try {
    return itemOfText({ file, position }, decodeUtf8(bytes), bytes)
  } catch (error) {
    return badItem({ file, position }, error)
  }
}

function itemOfText(place: ItemPlace, text: string, bytes: Uint8Array): ImportItem {
  try {
    const resource = parseResource(text)
    const isPatient = resource.resourceType === 'Patient'
    const aliases = isPatient ? aliasesOf(resource, undefined) : []
    const patient = isPatient ? aliases[0] : extractIndex(resource).subjectReference
    return {
      ...place,
      bytes,
      resource,
      ...(patient === undefined ? {} : { patient }),
      ...(isPatient ? { aliases } : {}),
    }
  } catch (error) {
    return badItem(place, error)
  }
}

function aliasesOf({ id }: FhirResource, fullUrl: string | undefined): string[] {
  const names = [fullUrl, id === undefined ? undefined : `Patient/${id}`]
  return names.filter((one): one is string => one !== undefined)
}

function badItem(place: ItemPlace, error: unknown): BadItem {
  if (error instanceof FhirError) return { ...place, code: error.code, reason: error.message }
  const code = (error as { code?: unknown }).code
  // Bytes that are not UTF-8.
  if (code === 'CRYPTO_BAD_ENCODING') return { ...place, code: 'FHIR_NOT_JSON', reason: 'the text is not UTF-8' }
  throw error
}

async function readAll(path: string, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of readChunks(path, name)) {
    bytes += chunk.length
    if (bytes > BUNDLE_LIMITS.maxBytes) {
      throw new CommandError('FHIR_TOO_LARGE', { reason: `${name} has more than 64 MiB`, next: 'give it as NDJSON' })
    }
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as { code?: string; message?: string }
  if (code === 'ENOENT') return 'there is no such file'
  return message ?? 'unknown'
}
