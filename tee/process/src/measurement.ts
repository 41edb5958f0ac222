/**
 * What runs: the measurement of the trusted application's one file, and of the runtime under it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TeeError } from '../../src/errors.ts'

/** The host of a process as `npm run bundle:ta` builds it. */
const BUILT_HOST = fileURLToPath(new URL('../../../dist/ta/node-host.mjs', import.meta.url))

/** Larger files are not a trusted application of ours. */
const MAX_BUNDLE_BYTES = 32 * 1024 * 1024
const READ_BYTES = 1024 * 1024

/** SHA-256, lower-case hex. */
export function measure(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Reads the file once; what is returned is what was measured.
 * @param expected SHA-256, lower-case hex.
 * @throws {TeeError} `TEE_MEASUREMENT` if it is another file, or none.
 */
export function readMeasured(path: string, expected: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new TeeError('TEE_MEASUREMENT', 'the trusted application cannot be read', { cause })
  }
  if (bytes.length > MAX_BUNDLE_BYTES || measure(bytes) !== expected) {
    throw new TeeError('TEE_MEASUREMENT', 'the trusted application on disk is not the expected one')
  }
  return bytes
}

/**
 * Reads the program that runs the bundle in a process: part of the runtime, not of the measurement.
 * @throws {TeeError} `TEE_MEASUREMENT` if there is none.
 */
export function readHost(path = BUILT_HOST): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new TeeError('TEE_MEASUREMENT', 'the host of the trusted application cannot be read', { cause })
  }
}

/**
 * Measurement of what the bundle runs on: SHA-256 of lines `<hex>  <name>\n`, as sha256sum prints them, for the
 * runtime's program under the name `node`, the bundle's host under the name `node-host.mjs`, and each file of the native
 * packages, sorted by name.
 */
export async function measureRuntime(
  program: string,
  host: Uint8Array,
  packages: readonly NativePackage[],
): Promise<string> {
  const files = [{ name: 'node', path: program }]
  for (const { name, folder, files: used } of packages) {
    for (const entry of used) {
      for (const path of filesOf(join(folder, entry))) files.push({ name: `${name}${path.slice(folder.length)}`, path })
    }
  }
  const lines = [{ name: 'node-host.mjs', hex: measure(host) }]
  for (const { name, path } of files) {
    lines.push({ name, hex: await measureFile(path) })
  }
  lines.sort((a, b) => (a.name < b.name ? -1 : 1))
  return measure(Buffer.from(lines.map(({ name, hex }) => `${hex}  ${name}\n`).join('')))
}

/** Into one piece of memory: the runtime's program has 120 MB, and is measured at each start. */
async function measureFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const memory = new Uint8Array(READ_BYTES)
  const file = await open(path)
  try {
    let bytes: number
    do {
      bytes = (await file.read(memory, 0, READ_BYTES)).bytesRead
      hash.update(memory.subarray(0, bytes))
    } while (bytes > 0)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** A package that the bundle takes from its platform: native code, which cannot be bundled. */
export interface NativePackage {
  readonly name: string
  /** Absolute path of the installed package. */
  readonly folder: string
  /** Files and folders inside it that are used when it runs. */
  readonly files: readonly string[]
}

/** SQLite3MultipleCiphers, the one native package of the trusted application, as it is installed here. */
export function sqlCipherPackage(): NativePackage {
  const name = 'better-sqlite3-multiple-ciphers'
  const folder = dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)))
  return { name, folder, files: ['package.json', 'lib', 'prebuilds'] }
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
