/**
 * Keys on this device: one file each, readable by its owner only. People and auditors in `identities/`; a hospital's
 * staff act with the key of the hospital's service, which stands in the hospital's own folder.
 *
 * @module
 */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { formatIdentityFile, parseIdentityFile, type IdentityFile, type NewKeys } from '../../sdk/src/identity.ts'
import { CommandError } from './command-error.ts'
import { writePrivateFile } from './files.ts'
import { slugOf, type StateFolder } from './state-folder.ts'
import { nearest } from './suggest.ts'

const SERVICE_FILE = 'service.json'

/** An identity file that was read. */
export interface StoredIdentity extends IdentityFile {
  /** Name of the file, as `--as` takes it. */
  readonly slug: string
  readonly keys: NewKeys
}

/** Names that `--as` takes, hospitals last. */
export function listIdentityNames(state: StateFolder): string[] {
  const people = namesIn(state.identities)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
  const hospitals = namesIn(state.hospitals).filter((name) => existsSync(join(state.hospitals, name, SERVICE_FILE)))
  return [...people.toSorted(), ...hospitals.toSorted()]
}

/** Every identity that can be read. */
export function listIdentities(state: StateFolder, crypto: Crypto): StoredIdentity[] {
  return listIdentityNames(state).map((name) => readIdentity(state, crypto, name))
}

/**
 * @param name whole, or as much of it as fits one.
 * @throws {CommandError} `CLIENT_NO_IDENTITY`
 */
export function findIdentity(state: StateFolder, crypto: Crypto, name: string): StoredIdentity {
  return readIdentity(state, crypto, matchName(state, name))
}

/** Who acts: `--as`, else $TRUSTHEALTH_AS, else the only key there is. */
export function actingIdentity(
  state: StateFolder,
  crypto: Crypto,
  as: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): StoredIdentity {
  const names = listIdentityNames(state)
  const [only] = names
  const given = as ?? environment['TRUSTHEALTH_AS'] ?? (names.length === 1 ? only : undefined)
  if (given !== undefined) return readIdentity(state, crypto, matchName(state, given))
  throw new CommandError('CLIENT_NO_IDENTITY', {
    what: names.length === 0 ? 'There is no key on this device.' : 'Who are you? There are several keys here.',
    next:
      names.length === 0
        ? 'trusthealth start, or trusthealth patient register'
        : `--as ${names.slice(0, 6).join(' | ')}`,
  })
}

/** Keeps new keys. @returns the name for `--as`: `bob`, `bob-2` when that is taken. */
export function keepIdentity(state: StateFolder, crypto: Crypto, keys: NewKeys, file: IdentityFile): string {
  const taken = new Set(listIdentityNames(state))
  const base = slugOf(file.name) || file.identity.kind
  let slug = base
  for (let i = 2; taken.has(slug); i++) slug = `${base}-${i}`
  replaceIdentity(state, crypto, slug, keys, file)
  return slug
}

/** Writes an identity again: a renewed credential. */
export function replaceIdentity(
  state: StateFolder,
  crypto: Crypto,
  slug: string,
  keys: NewKeys,
  file: IdentityFile,
): void {
  writePrivateFile(join(state.identities, `${slug}.json`), formatIdentityFile(crypto, keys, file))
}

function readIdentity(state: StateFolder, crypto: Crypto, slug: string): StoredIdentity {
  const own = join(state.identities, `${slug}.json`)
  const path = existsSync(own) ? own : join(state.hospitals, slug, SERVICE_FILE)
  closeToOthers(path)
  return { ...parseIdentityFile(crypto, readFileSync(path, 'utf8')), slug }
}

/** A key that others could read is closed to them before it is used. */
function closeToOthers(path: string): void {
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}

function matchName(state: StateFolder, given: string): string {
  const names = listIdentityNames(state)
  const wanted = slugOf(given)
  if (names.includes(wanted)) return wanted
  const found = wanted === '' ? [] : names.filter((name) => name.startsWith(wanted))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const near = found.length > 1 ? found : nearest(wanted, names)
  throw new CommandError('CLIENT_NO_IDENTITY', {
    what: `There is no key for "${given}" on this device.`,
    reason: `looked in the state folder ${state.root}`,
    ...(near.length === 0 ? {} : { next: `Did you mean ${near.slice(0, 5).join(' or ')}?` }),
  })
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
