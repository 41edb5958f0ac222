/**
 * The device key of a simulated device: 32 random bytes in a file that only this user may read. Whoever has the file
 * has what hardware would keep: evidence of this platform says `simulated`.
 *
 * @module
 */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { concat, encodeUtf8, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
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
  const context = encodeUtf8(options.taId)
  return {
    derive: (purpose) => crypto.hkdfExpand(pseudoRandomKey, concat(context, Uint8Array.of(0), encodeUtf8(purpose)), 32),
  }
}

function readOrCreate(crypto: Crypto, path: string): Uint8Array {
  try {
    return checkedKey(readFileSync(path))
  } catch (error) {
    if (!isMissing(error)) throw error instanceof StorageError ? error : failed(error)
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    create(path, crypto.randomBytes(KEY_BYTES))
    return checkedKey(readFileSync(path))
  } catch (error) {
    throw error instanceof StorageError ? error : failed(error)
  }
}

/** Durable, and whole or not there at all: half a device key would lose the store. */
function create(path: string, key: Uint8Array): void {
  const temporary = `${path}.${process.pid}.new`
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, key)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    // Unlike a rename, a link does not replace the key that another start made meanwhile.
    linkSync(temporary, path)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(temporary)
  }
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function checkedKey(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== KEY_BYTES) throw new StorageError('STORE_DAMAGED', 'the device key file has a wrong length')
  return new Uint8Array(bytes)
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}

function failed(cause: unknown): StorageError {
  return new StorageError('STORE_FAILED', 'the device key cannot be read or made', { cause })
}
