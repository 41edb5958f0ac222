/**
 * The programs of one system, each by its entry point and its arguments. Nothing of them is imported here.
 *
 * @module
 */
import { join } from 'node:path'
import { CONFIGURATION_FILE } from '../../../../hospital/src/index.ts'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { formatFabricTrust } from '../../../../ledger/client/src/index.ts'
import type { HospitalRef } from '../../../../shared/protocol/src/index.ts'
import { usageError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import type { StateFolder } from '../state-folder.ts'
import { hospitalFolder, LEDGER_PROGRAM, SERVER_PROGRAM, type Consortium, type HospitalEntry } from '../system-file.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import { readFabricConfigurations } from './fabric-configurations.ts'
import { CHANNEL } from './ledger-setup.ts'
import type { Operator } from './operator.ts'
import type { Program } from './program-runner.ts'
import { operatorToken } from './replica.ts'
import type { InstalledProgram } from './tees.ts'

/** How often a hospital looks at the record server's log. */
const WITNESS_SECONDS = 5
/** How often it looks whether there are other recovery shares, once enough hospitals have theirs. */
const RECOVERY_SECONDS = 600
const EMULATED_READY_MS = 300_000
const EMULATED_STOP_MS = 150_000

const at = (...parts: string[]) => join(PRODUCT_FOLDER, ...parts)

export function ledgerProgram(state: StateFolder, nodeKeyFile: string, genesis: string, port: number): Program {
  return {
    name: LEDGER_PROGRAM,
    title: 'The shared ledger',
    script: at('ledger', 'embedded', 'src', 'main.ts'),
    args: [state.ledger, '--node-key', nodeKeyFile, '--genesis', genesis, '--port', String(port)],
    log: join(state.logs, 'ledger.log'),
  }
}

export interface HospitalPlaces {
  readonly consortium: Consortium
  readonly ledgerUrl: string
  readonly serverUrl: string
  /** Where this and the other hospitals are. */
  readonly directories: readonly { readonly ref: HospitalRef; readonly name: string; readonly url: string }[]
}

/**
 * Writes what the service is told, and says how it is started. It believes whom the consortium had when it joined. What a
 * person has added to the file stays.
 */
export function hospitalProgram(
  state: StateFolder,
  hospital: HospitalEntry,
  { consortium, ledgerUrl, serverUrl, directories }: HospitalPlaces,
  port: number,
): Program {
  const folder = hospitalFolder(state, hospital.slug)
  const { channel, nodes, serverRef } = consortium
  const { quorum, fabric } = trustAtJoining(state, consortium, hospital)
  const path = join(folder, CONFIGURATION_FILE)
  const configuration = {
    witness: { everySeconds: WITNESS_SECONDS },
    recovery: { everySeconds: RECOVERY_SECONDS },
    publishDirectory: true,
    ...keptConfiguration(path, hospital),
    v: 1,
    name: hospital.name,
    mspId: hospital.mspId,
    port,
    channel,
    nodes,
    quorum,
    ...(fabric === undefined ? {} : { fabric: formatFabricTrust(fabric) }),
    ledgerUrl,
    server: { ref: serverRef, url: serverUrl },
    directories: directories.filter(({ ref }) => ref !== hospital.ref),
    allowSimulated: true,
  }
  writePrivateFile(path, `${JSON.stringify(configuration, null, 2)}\n`)
  return {
    name: hospital.slug,
    title: hospital.name,
    script: at('hospital', 'src', 'main.ts'),
    args: ['--folder', folder],
    log: join(state.logs, `${hospital.slug}.log`),
  }
}

/** @throws {CommandError} `CLIENT_USAGE` if what a person wrote is no JSON object. */
function keptConfiguration(path: string, { name, slug }: HospitalEntry): object {
  let kept: unknown
  try {
    kept = readJsonFile(path) ?? {}
  } catch {
    // Said below.
  }
  if (typeof kept === 'object' && kept !== null && !Array.isArray(kept)) return kept
  const file = `hospitals/${slug}/${CONFIGURATION_FILE}`
  throw usageError(`The configuration of ${name} is not JSON.`, `mend ${file} in the state folder`)
}

/**
 * On Fabric members are added, and the members of before go on being believed by those who came with them: their browsers
 * have kept whom they believe, and take nobody else unseen.
 */
function trustAtJoining(
  state: StateFolder,
  consortium: Consortium,
  { mspId }: HospitalEntry,
): Pick<Consortium, 'quorum' | 'fabric'> {
  const isMember = ({ fabric }: Pick<Consortium, 'fabric'>) =>
    fabric?.organizations.some((organization) => organization.mspId === mspId) === true
  return consortium.fabric === undefined ? consortium : (readFabricConfigurations(state).find(isMember) ?? consortium)
}

/** Tells a hospital that runs where the others are now: it reads the file again when its people ask. */
export function tellDirectories(
  state: StateFolder,
  { slug, ref }: HospitalEntry,
  directories: HospitalPlaces['directories'],
): void {
  const path = join(hospitalFolder(state, slug), CONFIGURATION_FILE)
  const configuration = { ...(readJsonFile(path) as object), directories: directories.filter((one) => one.ref !== ref) }
  writePrivateFile(path, `${JSON.stringify(configuration, null, 2)}\n`)
}

export interface RecordServerPlaces {
  readonly operator: Operator
  readonly ledgerUrl: string
  readonly program: InstalledProgram
  readonly port: number
  /** New hardware for the store of a lost server: what it was provisioned with, and where its backups are. */
  readonly restore?: { readonly configuration: Uint8Array; readonly backups: string }
}

/** Writes what the server's normal world is told, with a key of its own that may only read the ledger. */
export async function recordServerProgram(
  { state, crypto }: Pick<Context, 'state' | 'crypto'>,
  { operator, ledgerUrl, program, port, restore }: RecordServerPlaces,
): Promise<Program> {
  const file = join(state.server, 'host.json')
  const { authority, mspId } = operator.organization
  // A new key at each start: nothing else depends on it, and it never grows old.
  const key = crypto.generateSigningKey()
  // Without a reference, so that it is nobody's name and can write nothing.
  const { chain } = await authority.issue({ role: 'auditor', publicKey: key.publicKey })
  const token = operatorToken(state)
  const configuration = {
    v: 1,
    port,
    ...program.settings,
    indexPath: join(state.server, 'index.db'),
    ledgerUrl,
    channel: CHANNEL,
    ...(restore === undefined
      ? {}
      : { restore: { configuration: writeLost(state, restore), backups: restore.backups } }),
    operatorToken: token,
    ...(program.kind === 'process' ? { replica: { token } } : {}),
    reader: {
      mspId,
      certificate: encodeBase64url(chain[0]),
      signingKey: encodeBase64url(crypto.exportSigningKey(key)),
    },
  }
  writePrivateFile(file, `${JSON.stringify(configuration, null, 2)}\n`)
  return {
    name: SERVER_PROGRAM,
    title: 'The record server',
    script: at('host', 'server', 'src', 'main.ts'),
    args: ['--config', file],
    log: join(state.logs, 'record-server.log'),
    // A machine that is emulated boots first.
    ...(program.kind === 'optee' ? { readyMs: EMULATED_READY_MS, stopMs: EMULATED_STOP_MS } : {}),
  }
}

/** @returns the path of the file. */
function writeLost(state: StateFolder, { configuration }: { readonly configuration: Uint8Array }): string {
  const path = join(state.server, 'restored-configuration.cbor')
  writePrivateFile(path, configuration)
  return path
}
