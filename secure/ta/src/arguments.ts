/**
 * The command line of the trusted application: where its store is, and what the driver says it started.
 *
 * @module
 */
import { decodeHex } from '../../../shared/crypto/src/index.ts'

export interface TaArguments {
  /** Folder of the database and of the device key; the only one this process writes to. */
  readonly storeFolder: string
  /** 32 bytes, SHA-256 of this bundle. */
  readonly measurement: Uint8Array
  /** 32 bytes, SHA-256 of the program that runs it; zeros if nobody measured it. */
  readonly runtime: Uint8Array
  /** What was switched on for this process. */
  readonly isolation: readonly string[]
  readonly cipher: 'sqlcipher' | 'aegis'
  readonly cacheKib: number | undefined
}

const NAMES = ['store', 'measurement', 'runtime', 'isolation', 'cipher', 'cache-kib'] as const
type Name = (typeof NAMES)[number]

/** @throws {TypeError} naming the argument that is missing, unknown or malformed. */
export function parseArguments(args: readonly string[]): TaArguments {
  const given = new Map<Name, string>()
  for (const arg of args) {
    const [, name, value = ''] = /^--([a-z-]+)=(.*)$/s.exec(arg) ?? []
    const known = NAMES.find((one) => one === name)
    if (known === undefined || given.has(known)) throw new TypeError(`unknown or repeated argument ${name ?? ''}`)
    given.set(known, value)
  }
  const storeFolder = given.get('store')
  if (storeFolder === undefined || storeFolder === '') throw new TypeError('--store is missing')
  const cipher = given.get('cipher') ?? 'sqlcipher'
  if (cipher !== 'sqlcipher' && cipher !== 'aegis') throw new TypeError('--cipher is sqlcipher or aegis')
  const cacheKib = given.get('cache-kib')
  if (cacheKib !== undefined && !/^[1-9][0-9]{0,8}$/.test(cacheKib)) throw new TypeError('--cache-kib is a number')
  return {
    storeFolder,
    measurement: digest('measurement', given.get('measurement')),
    runtime: given.has('runtime') ? digest('runtime', given.get('runtime')) : new Uint8Array(32),
    isolation: (given.get('isolation') ?? '').split(',').filter((word) => word !== ''),
    cipher,
    cacheKib: cacheKib === undefined ? undefined : Number(cacheKib),
  }
}

function digest(name: Name, text = ''): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new TypeError(`--${name} is a SHA-256 in hexadecimal`)
  return decodeHex(text)
}
