/**
 * The kinds of TEE that a system's record server can run in. Chosen at the first start (`--tee`, else $TRUSTHEALTH_TEE,
 * else `process`); `server.json` remembers it, because its store opens in no other.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  bool,
  literal,
  newRef,
  oneOf,
  optional,
  parseEvidence,
  parseJson,
  reportKeyThumbprint,
  serverRefShape,
  sha256HexShape,
  struct,
  text,
  uint,
  type Infer,
  type OpteeReference,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import { TEE_KINDS, type StartableTeeKind, type TeeSettings } from '../../../../tee/kinds/src/index.ts'
import { builtFiles, builtFolder, TA_UUID } from '../../../../tee/optee/src/index.ts'
import { CommandError, usageError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import { text as textOption } from '../option-values.ts'
import type { StateFolder } from '../state-folder.ts'
import { PRODUCT_FOLDER } from '../version.ts'

const BUNDLE = join(PRODUCT_FOLDER, 'dist', 'ta', 'trusted-application.mjs')

/** Where OP-TEE's supplicant finds trusted applications. */
const BOARD_TA = `/lib/optee_armtz/${TA_UUID}.ta`
/** The kernel's door to OP-TEE. */
const BOARD_DEVICE = '/dev/tee0'

const serverShape = struct({
  v: literal(1),
  serverRef: serverRefShape,
  /** Absent: `process`. */
  tee: optional(oneOf(...TEE_KINDS)),
})

/** What the build says of what it built (optee/README.md). */
const referenceShape = struct({
  core: sha256HexShape,
  version: text({ min: 1, max: 64 }),
  signer: sha256HexShape,
  program: sha256HexShape,
  measurement: sha256HexShape,
  securityVersion: uint(),
  debug: bool(),
  simulated: bool(),
})
type Reference = Infer<typeof referenceShape>

/** The record server's program as it was installed: how it is started, and what the ledger is told of it. */
export interface InstalledProgram {
  readonly kind: StartableTeeKind
  readonly settings: TeeSettings
  /** SHA-256 of the bundle, the same in every kind of TEE. */
  readonly measurement: Sha256Hex
  /** Of what OP-TEE measures. */
  readonly reference?: Reference
}

/** `--tee`, else $TRUSTHEALTH_TEE. @throws {CommandError} `CLIENT_USAGE` */
export function teeOption(
  options: OptionValues,
  environment: Readonly<Record<string, string | undefined>>,
): StartableTeeKind | undefined {
  const given = textOption(options, 'tee') ?? environment['TRUSTHEALTH_TEE']
  const kind = TEE_KINDS.find((one) => one === given)
  if (given === undefined || kind !== undefined) return kind
  throw usageError(`"${given}" is no kind of TEE.`, `--tee ${TEE_KINDS.join(' or --tee ')}`)
}

/**
 * The server's reference and kind: made at the first start, and the same ever after.
 * @throws {CommandError} `CLIENT_USAGE` for another kind than the system has.
 */
export function ensureServer(
  { state, crypto }: Context,
  asked: StartableTeeKind | undefined,
): { readonly serverRef: ServerRef; readonly tee: StartableTeeKind } {
  const path = join(state.server, 'server.json')
  const known = readJsonFile(path)
  if (known !== undefined) {
    const { serverRef, tee = 'process' } = serverShape(known, 'server.json')
    if (asked === undefined || asked === tee) return { serverRef, tee }
    throw usageError(`The record server in ${state.root} runs in another kind of TEE: ${tee}.`, 'another --state')
  }
  const server = { serverRef: newRef(crypto, 's'), tee: asked ?? 'process' }
  writePrivateFile(path, `${JSON.stringify({ v: 1, ...server })}\n`)
  return server
}

/** Where the trusted application has its store. */
export function storeFolder(state: StateFolder): string {
  return join(state.server, 'store')
}

/** The file that is started. */
export function programPath(state: StateFolder, kind: StartableTeeKind): string {
  return join(state.server, kind === 'optee' ? `${TA_UUID}.ta` : 'trusted-application.mjs')
}

/**
 * Copies the built program into the state folder and measures the copy: what runs stays what it was, also when the
 * program is built again while the system runs.
 * @throws {CommandError} `TEE_MEASUREMENT` if it was not built.
 */
export function installProgram(state: StateFolder, kind: StartableTeeKind): InstalledProgram {
  mkdirSync(state.server, { recursive: true, mode: 0o700 })
  const taPath = programPath(state, kind)
  const store = storeFolder(state)
  if (kind === 'process') {
    const measurement = copyMeasured(BUNDLE, taPath, 'npm run bundle:ta')
    return { kind, settings: { taPath, measurement, storeFolder: store }, measurement }
  }
  const built = builtFolder()
  const builtTa = join(built, 'ta', `${TA_UUID}.ta`)
  const measurement = copyMeasured(builtTa, taPath, 'npm run optee:build')
  const reference = referenceShape(
    parseJson(readFileSync(join(built, 'reference.json'), 'utf8'), { maxBytes: 65_536 }),
    'reference.json',
  )
  // A board has an OP-TEE of its own, which takes the program from a place that its operator fills.
  const where = isBoard() ? ({ taPath: BOARD_TA, board: true } as const) : { taPath, optee: builtFiles(built) }
  const settings = { ...where, measurement, storeFolder: store }
  return { kind, settings, measurement: reference.measurement, reference }
}

/** Whether what runs was made of another bundle than this folder has: after an update it has to be built again. */
export function isOfAnotherBundle({ measurement }: InstalledProgram, bundle = BUNDLE): boolean {
  return existsSync(bundle) && sha256Of(readFileSync(bundle)) !== measurement
}

/**
 * What the ledger is to accept of this server: what the build measured, on the device that made this evidence.
 * @param evidence of the server itself, asked for by the operator who set it up.
 * @throws {CommandError} `ATTESTATION_PLATFORM`, `ATTESTATION_MEASUREMENT` if something else runs than was built.
 */
export function opteeReferenceOf(
  { crypto }: Pick<Context, 'crypto'>,
  { core, version, signer, program, ...built }: Reference,
  evidence: string,
): OpteeReference {
  const { optee, runtime } = parseEvidence(evidence).payload
  if (optee?.core !== core || optee.version !== version) throw new CommandError('ATTESTATION_PLATFORM')
  if (runtime !== program) throw new CommandError('ATTESTATION_MEASUREMENT')
  const { measurement, securityVersion, debug, simulated } = built
  return {
    reportKeys: [reportKeyThumbprint(crypto, optee.reportKey)],
    cores: [{ digest: core, version, signer, debug, simulated }],
    programs: [{ digest: program, measurement, signer, securityVersion, debug }],
  }
}

/** How many of each a registration may list (shared/protocol/src/optee-evidence.ts). */
const MOST = { reportKeys: 8, cores: 8, programs: 16 } as const

/**
 * What the ledger accepts of a server, with what was added: nothing twice, what is said now in the place of what was said
 * of the same digest before, and the newest of each where there are too many.
 */
export function mergeReferences(before: OpteeReference | undefined, added: OpteeReference): OpteeReference {
  if (before === undefined) return added
  const newest = <T extends { readonly digest: string }>(old: readonly T[], more: readonly T[], max: number) =>
    [...old.filter(({ digest }) => more.every((one) => one.digest !== digest)), ...more].slice(-max)
  const earlierKeys = before.reportKeys.filter((key) => !added.reportKeys.includes(key))
  return {
    reportKeys: [...earlierKeys, ...added.reportKeys].slice(-MOST.reportKeys),
    cores: newest(before.cores, added.cores, MOST.cores),
    programs: newest(before.programs, added.programs, MOST.programs),
  }
}

function isBoard(): boolean {
  return process.arch === 'arm64' && existsSync(BOARD_DEVICE)
}

function copyMeasured(from: string, to: string, next: string): Sha256Hex {
  if (!existsSync(from)) {
    throw new CommandError('TEE_MEASUREMENT', { what: 'The trusted application was not built.', next })
  }
  const bytes = readFileSync(from)
  writePrivateFile(to, bytes)
  return sha256Of(bytes)
}

function sha256Of(bytes: Uint8Array): Sha256Hex {
  return createHash('sha256').update(bytes).digest('hex') as Sha256Hex
}
