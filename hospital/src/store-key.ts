/**
 * The key of the hospital's store: in a file, in an environment secret, or given by a command (a key store's client). A
 * file is made at the first start; a key from elsewhere is never made here. How to choose: docs/operations/hospital.md.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import {
  list,
  literal,
  optional,
  ProtocolError,
  struct,
  text,
  variant,
  type Infer,
} from '../../shared/protocol/src/index.ts'

const KEY_BYTES = 32
const COMMAND_MS = 30_000

export const storeKeySourceShape = variant('from', {
  /** 32 bytes as they are; default `registry.key` beside the store. */
  file: struct({ from: literal('file'), path: optional(text({ min: 1, max: 4_096 })) }),
  /** 64 hex digits. */
  environment: struct({ from: literal('environment'), name: text({ max: 128, pattern: /^[A-Z_][A-Z0-9_]*$/ }) }),
  /** Program and arguments, without a shell; prints 64 hex digits. */
  command: struct({ from: literal('command'), command: list(text({ max: 4_096 }), { min: 1, max: 64 }) }),
})
export type StoreKeySource = Infer<typeof storeKeySourceShape>

/**
 * 32 bytes; overwrite them after use.
 * @param environment a secret that is taken is removed from it, so that no child gets it.
 * @throws {ProtocolError} `STORE_DAMAGED` if the store is there and its key is not, or is none.
 */
export function readStoreKey(
  source: StoreKeySource,
  storeFolder: string,
  environment: Record<string, string | undefined>,
): Buffer {
  if (source.from === 'file') return readKeyFile(source.path, storeFolder)
  if (source.from === 'command') return parseKey(runCommand(source.command))
  const secret = environment[source.name]
  delete environment[source.name]
  return parseKey(secret ?? '')
}

function readKeyFile(path: string | undefined, storeFolder: string): Buffer {
  const keyPath = path === undefined ? join(storeFolder, 'registry.key') : absolute(path)
  if (!existsSync(keyPath)) {
    // A store without its key must not get a new key: that would hide the loss until somebody needs the data.
    if (existsSync(join(storeFolder, 'registry.db'))) throw unusable()
    writeFileSync(keyPath, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx', flush: true })
  }
  const key = readFileSync(keyPath)
  if (key.length !== KEY_BYTES) throw unusable()
  return key
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path
  throw new RangeError('the path of the key file must be absolute')
}

function runCommand([program, ...parameters]: readonly string[]): string {
  try {
    return execFileSync(program as string, parameters, {
      encoding: 'utf8',
      timeout: COMMAND_MS,
      maxBuffer: 65_536,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    // What it printed may hold the key.
    throw unusable()
  }
}

function parseKey(hex: string): Buffer {
  const trimmed = hex.trim()
  if (!/^[0-9a-fA-F]{64}$/.test(trimmed)) throw unusable()
  return Buffer.from(trimmed, 'hex')
}

function unusable(): ProtocolError {
  return new ProtocolError('STORE_DAMAGED', 'the key of the hospital’s store is not there or is none')
}
