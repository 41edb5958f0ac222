/**
 * Setting the record server up, once: the trusted application makes its identity key inside, the operator certifies it,
 * the ledger gets the registration with the program's measurement. Later it is told what became of the configuration.
 * Every step looks first whether it was done, so a start that was cut off goes on where it was.
 * Spec: docs/protocol/02-registration.md §2.3, §2.5, §2.7, 10-tee-abi.md §10.2.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import { sqlCipherPackage, startProcessTee } from '../../../../tee/process/src/index.ts'
import { encodeBase64url, encodeHex, label, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import {
  logOriginOf,
  participantRecordShape,
  parseResult,
  type ChannelConfiguration,
  type ParticipantRecord,
  type ParticipantRegistration,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  encodeCbor,
  newRef,
  serverRefShape,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import { confirmSevereStep } from '../ask.ts'
import { codeOfFailure, CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import { fetchServerStatus, sendConfigurationUpdate } from '../record-server.ts'
import type { StateFolder } from '../state-folder.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import type { Operator } from './operator.ts'

const BUILT = join(PRODUCT_FOLDER, 'dist', 'ta', 'trusted-application.mjs')

/** Emergency access ends by itself after this (docs/protocol/08-access.md §8.4). */
const EMERGENCY_MS = 4 * 3_600_000

export interface RecordServerParts {
  readonly operator: Operator
  /** In force on the ledger. */
  readonly configuration: ChannelConfiguration
  /** Signed updates of it, from a sequence on. */
  readonly updates: (from: number) => Promise<Uint8Array[]>
  /** Writes as the operator's administrator. */
  readonly ledger: Ledger
  readonly serverRef: ServerRef
  readonly measurement: Sha256Hex
}

/** Where the trusted application's process keeps its store. */
export function storeFolder(state: StateFolder): string {
  return join(state.server, 'store')
}

/** The server's reference: random, made at the first start. */
export function ensureServerRef({ state, crypto }: Context): ServerRef {
  const path = join(state.server, 'server.json')
  const known = readJsonFile(path) as { serverRef?: unknown } | undefined
  if (known !== undefined) return serverRefShape(known.serverRef, 'server.json')
  const serverRef = newRef(crypto, 's')
  writePrivateFile(path, `${JSON.stringify({ v: 1, serverRef })}\n`)
  return serverRef
}

/**
 * Copies the built program into the state folder and measures the copy: what runs stays what it was, also when the
 * program is built again while the system runs.
 * @throws {CommandError} `TEE_MEASUREMENT` if it was not built.
 */
export function installBundle(state: StateFolder): Sha256Hex {
  if (!existsSync(BUILT)) {
    throw new CommandError('TEE_MEASUREMENT', {
      what: 'The trusted application was not built.',
      next: 'npm run bundle:ta',
    })
  }
  const bytes = readFileSync(BUILT)
  writePrivateFile(bundlePath(state), bytes)
  return createHash('sha256').update(bytes).digest('hex') as Sha256Hex
}

export function bundlePath(state: StateFolder): string {
  return join(state.server, 'trusted-application.mjs')
}

/** Provisions, certifies and registers what is not yet. */
export async function setUpRecordServer(context: Context, parts: RecordServerParts): Promise<void> {
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server !== undefined) {
    await approveProgram(context, parts, known)
    await renewCertificate(context, parts, known.server.certificate)
    return
  }
  await withTrustedApplication(context, parts, async (tee) => {
    const before = await tee.request('status', {})
    const state = before.state === 'new' ? await provision() : before
    const { identityKey, configDigest, attestationKey } = state
    if (identityKey === undefined || configDigest === undefined) throw new CommandError('TEE_NOT_PROVISIONED')
    const { chain, serialHex } = await parts.operator.organization.authority.issue({
      role: 'server',
      ref: parts.serverRef,
      publicKey: identityKey,
    })
    const registration: ParticipantRegistration = {
      ref: parts.serverRef,
      kind: 'server',
      publicKey: encodeBase64url(identityKey),
      certSerial: serialHex,
      attributes: {},
      server: {
        certificate: encodeBase64url(chain[0]),
        teeKind: tee.kind,
        measurements: [parts.measurement],
        configDigest: encodeHex(configDigest) as Sha256Hex,
        attestationKeys: attestationKey === undefined ? [] : [encodeBase64url(attestationKey)],
      },
    }
    // The certificate first: a registration without it would be found done at the next start.
    await tee.request('certificate', { cert: chain[0] })
    await submitAsAdmin(parts, 'registerParticipant', [JSON.stringify(registration)])

    async function provision() {
      return await tee.request('provision', { config: configurationOf(parts) })
    }
  })
}

/**
 * Hands the running record server every update that it has not taken, and registers the configuration that it has then.
 * The digest is computed here, from the ledger: what the server says of itself is compared with it.
 * @throws {CommandError} `ATTESTATION_CONFIG` if the server has another configuration than the ledger.
 * @throws {ClientError} `LEDGER_CONFIGURATION_REJECTED` and others with which it refuses an update.
 */
export async function followConfiguration(
  context: Context,
  parts: RecordServerParts,
  serverUrl: string,
): Promise<void> {
  const expected = digestOf(context, configurationOf(parts))
  const before = await fetchServerStatus(context, serverUrl)
  if (before.configDigest !== expected) {
    const updates = await parts.updates((before.sequence ?? 0) + 1)
    for (const update of updates) await sendConfigurationUpdate(context, serverUrl, update)
    const { configDigest } = await fetchServerStatus(context, serverUrl)
    if (configDigest !== expected) throw new CommandError('ATTESTATION_CONFIG')
  }
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server === undefined || known.server.configDigest === expected) return
  const { ref, kind, publicKey, certSerial, attributes, server } = known
  const renewed: ParticipantRegistration = {
    ref,
    kind,
    publicKey,
    certSerial,
    attributes,
    server: { ...server, configDigest: expected },
  }
  await submitAsAdmin(parts, 'renewParticipant', [JSON.stringify(renewed)])
}

/** What stands in the evidence and on the ledger of a configuration. */
function digestOf({ crypto }: Context, encoded: Uint8Array): Sha256Hex {
  return encodeHex(crypto.sha256(label('config'), encoded)) as Sha256Hex
}

function configurationOf({ configuration, serverRef }: RecordServerParts): Uint8Array {
  const { channel, sequence, organizations, nodes, quorum, fabric } = configuration
  return encodeCbor({
    v: 1,
    channel,
    sequence,
    serverRef,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots })),
    ledgerNodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey })),
    ...(fabric === undefined ? {} : { fabric: { chaincode: fabric.chaincode } }),
    quorum,
    logOrigin: logOriginOf(serverRef),
    allow: { policyCacheMs: 0, emergencyMs: EMERGENCY_MS },
  })
}

/** A program that the ledger does not have yet runs only after somebody has approved it. */
async function approveProgram(context: Context, parts: RecordServerParts, known: ParticipantRecord): Promise<void> {
  const accepted = known.server?.measurements ?? []
  if (accepted.includes(parts.measurement)) return
  const code = parts.measurement.slice(0, 6)
  const lines = [
    `The program for the protected area is another one than approved: ${parts.measurement}.`,
    `Approved: ${accepted.join(', ') || 'none'}.`,
    'Once approved, clients accept both. Records stay readable.',
  ]
  if (context.flags.confirm === undefined && (!context.terminal.canAsk || context.flags.input === false)) {
    throw new CommandError('TEE_MEASUREMENT', {
      what: 'Stopped: the program for the protected area is not an approved one.',
      reason: `it is ${short(parts.measurement)}; approved ${accepted.map(short).join(', ') || 'none'}`,
      next: `if you changed or updated it yourself:  trusthealth start --confirm ${code}`,
    })
  }
  await confirmSevereStep(context, { lines, code })
  const measurements = JSON.stringify([...accepted, parts.measurement].slice(-16))
  await submitAsAdmin(parts, 'setMeasurements', [parts.serverRef, measurements])
}

const RENEW_BEFORE_MS = 30 * 86_400_000

/** The same key gets a new certificate before the old one ends. */
async function renewCertificate(context: Context, parts: RecordServerParts, certificate: string): Promise<void> {
  const { notAfterMs, publicKey } = parseCertificate(Buffer.from(certificate, 'base64url'))
  if (notAfterMs - context.clock.nowMs() > RENEW_BEFORE_MS) return
  const { chain, serialHex } = await parts.operator.organization.authority.issue({
    role: 'server',
    ref: parts.serverRef,
    publicKey,
  })
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server === undefined) return
  const { ref, kind, attributes, server } = known
  const renewed: ParticipantRegistration = {
    ref,
    kind,
    publicKey: known.publicKey,
    certSerial: serialHex,
    attributes,
    server: { ...server, certificate: encodeBase64url(chain[0]) },
  }
  await withTrustedApplication(context, parts, async (tee) => {
    await tee.request('certificate', { cert: chain[0] })
  })
  await submitAsAdmin(parts, 'renewParticipant', [JSON.stringify(renewed)])
}

async function withTrustedApplication(
  { state }: Context,
  { measurement }: RecordServerParts,
  work: (tee: Awaited<ReturnType<typeof startProcessTee>>) => Promise<void>,
): Promise<void> {
  const tee = await startProcessTee({
    taPath: bundlePath(state),
    expectedMeasurement: measurement,
    storeFolder: storeFolder(state),
    nativePackages: [sqlCipherPackage()],
  })
  try {
    await work(tee)
  } finally {
    await tee.close()
  }
}

async function findRegistration(ledger: Ledger, ref: ServerRef): Promise<ParticipantRecord | undefined> {
  try {
    return parseResult(await ledger.query({ fn: 'participant', args: [ref] }), participantRecordShape)
  } catch (error) {
    if (codeOfFailure(error) === 'PARTICIPANT_UNKNOWN') return undefined
    throw error
  }
}

async function submitAsAdmin(
  { ledger, operator }: RecordServerParts,
  fn: string,
  args: readonly string[],
): Promise<void> {
  await submitCall(ledger, operator.organization.admin, { fn, args })
}

function short(measurement: string): string {
  return `${measurement.slice(0, 4)}…${measurement.slice(-2)}`
}
