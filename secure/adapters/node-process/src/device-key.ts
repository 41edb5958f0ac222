/**
 * The device key of a simulated device: 32 random bytes in a file that only this user may read. Whoever has the file
 * has what hardware would keep: evidence of this platform says `simulated`.
 *
 * @module
 */
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { deriveKeys } from '../../../../shared/crypto/src/derived-keys.ts'
import { StorageError } from '../../../core/src/errors.ts'
import type { DeviceKeyPort } from '../../../core/src/ports.ts'

const KEY_BYTES = 32

export interface DeviceKeyFileOptions {
  /** Made with mode 0600 at the first start. */
  readonly path: string
  /** Identity of the trusted application: another one derives other keys. Stays the same over upgrades. */
  readonly taId: string
}

/** @throws {StorageError} `STORE_FAILED` if the file cannot be made; `STORE_DAMAGED` if it is not a device key. */
export function openDeviceKeyFile(crypto: Crypto, options: DeviceKeyFileOptions): DeviceKeyPort {
  const deviceKey = readOrCreate(crypto, options.path)
  const pseudoRandomKey = crypto.hkdfExtract(label('device'), deviceKey)
  deviceKey.fill(0)
  return deriveKeys(crypto, pseudoRandomKey, options.taId)
}

function readOrCreate(crypto: Crypto, path: string): Uint8Array {
  try {
    const stored = findKey(path)
    if (stored !== undefined) return stored
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    create(path, crypto.randomBytes(KEY_BYTES))
    return checkedKey(readFileSync(path))
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    throw new StorageError('STORE_FAILED', 'the device key cannot be read or made', { cause })
  }
}

/** Undefined at the first start, and after one that was cut before it wrote the key: nothing was sealed with it. */
function findKey(path: string): Uint8Array | undefined {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
  return bytes.length === 0 ? undefined : checkedKey(bytes)
}

/** Durable when it returns: O_SYNC, because Node's permission model forbids fsync. */
function create(path: string, key: Uint8Array): void {
  const { O_CREAT, O_SYNC, O_TRUNC, O_WRONLY } = constants
  const file = openSync(path, O_CREAT | O_TRUNC | O_WRONLY | O_SYNC, 0o600)
  try {
    writeSync(file, key)
  } finally {
    closeSync(file)
  }
}

function checkedKey(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== KEY_BYTES) throw new StorageError('STORE_DAMAGED', 'the device key file has a wrong length')
  return new Uint8Array(bytes)
}
