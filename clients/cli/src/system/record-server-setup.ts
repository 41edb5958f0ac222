/**
 * Setting the record server up, once: the trusted application makes its identity key inside, the operator certifies it,
 * the ledger gets the registration with the program's measurement. Later it is told what became of the configuration.
 * Every step looks first whether it was done, so a start that was cut off goes on where it was.
 * Spec: docs/protocol/02-registration.md §2.3, §2.5, §2.7, 10-tee-abi.md §10.2.
 *
 * @module
 */
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import { startTee, type TeeDriver } from '../../../../tee/kinds/src/index.ts'
import {
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  label,
  parseCertificate,
} from '../../../../shared/crypto/src/index.ts'
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
  parseEvidence,
  type OpteeReference,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import { confirmSevereStep } from '../ask.ts'
import { codeOfFailure, CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { fetchServerStatus, sendConfigurationUpdate } from '../record-server.ts'
import { findConsortium } from '../system-file.ts'
import type { Operator } from './operator.ts'
import { organizationsHere, voteForProgram } from './program-votes.ts'
import { type InstalledProgram, mergeReferences, opteeReferenceOf } from './tees.ts'

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
  readonly program: InstalledProgram
}

/** Provisions, certifies and registers what is not yet. */
export async function setUpRecordServer(context: Context, parts: RecordServerParts): Promise<void> {
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server !== undefined) {
    await approveProgram(context, parts, known)
    await renewServerCertificate(context, parts)
    return
  }
  await withTrustedApplication(parts, async (tee) => {
    const before = await tee.request('status', {})
    const state = before.state === 'new' ? await provision() : before
    const { identityKey, configDigest, attestationKey } = state
    if (identityKey === undefined || configDigest === undefined) throw new CommandError('TEE_NOT_PROVISIONED')
    const { chain, serialHex } = await parts.operator.organization.authority.issue({
      role: 'server',
      ref: parts.serverRef,
      publicKey: identityKey,
    })
    // The certificate first: a registration without it would be found done at the next start.
    await tee.request('certificate', { cert: chain[0] })
    const optee = await opteeOf(context, parts, tee)
    const registration: ParticipantRegistration = {
      ref: parts.serverRef,
      kind: 'server',
      publicKey: encodeBase64url(identityKey),
      certSerial: serialHex,
      attributes: {},
      server: {
        certificate: encodeBase64url(chain[0]),
        teeKind: tee.kind,
        measurements: [parts.program.measurement],
        configDigest: encodeHex(configDigest) as Sha256Hex,
        attestationKeys: attestationKey === undefined ? [] : [encodeBase64url(attestationKey)],
        ...(optee === undefined ? {} : { optee }),
      },
    }
    await submitAsAdmin(parts, 'registerParticipant', [JSON.stringify(registration)])

    async function provision() {
      return await tee.request('provision', { config: configurationOf(parts) })
    }
  })
}

/** Reference values for the ledger, where the TEE has such. */
async function opteeOf(
  context: Context,
  { program }: RecordServerParts,
  tee: TeeDriver,
): Promise<OpteeReference | undefined> {
  if (program.reference === undefined) return undefined
  const { evidence } = await tee.request('attest', { nonce: context.crypto.randomBytes(32) })
  return opteeReferenceOf(context, program.reference, evidence)
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

/** What the trusted application is provisioned with, as the ledger has it now. */
export function configurationOf({ configuration, serverRef }: RecordServerParts): Uint8Array {
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
  const { measurement, reference } = parts.program
  const isKnown = reference === undefined || knows(known.server?.optee, reference)
  // The last of them runs; another of them is a change, too.
  if (accepted.at(-1) === measurement && isKnown) return
  const code = measurement.slice(0, 6)
  const lines = [
    `The program for the protected area is another one than approved: ${measurement}.`,
    `Approved: ${accepted.join(', ') || 'none'}.`,
    'The organisations whose administrators are here vote for it. Once approved, clients accept both. Records stay readable.',
  ]
  if (context.flags.confirm === undefined && (!context.terminal.canAsk || context.flags.input === false)) {
    throw new CommandError('TEE_MEASUREMENT', {
      what: 'Stopped: the program for the protected area is not an approved one.',
      reason: `it is ${short(measurement)}; approved ${accepted.map(short).join(', ') || 'none'}`,
      next: `if you changed or updated it yourself:  trusthealth start --confirm ${code}`,
    })
  }
  await confirmSevereStep(context, { lines, code })
  // The votes first: what is accepted last is what the next start takes for granted.
  await voteHere(context, parts)
  const measurements = [...accepted.filter((one) => one !== measurement), measurement].slice(-16)
  await submitAsAdmin(parts, 'setMeasurements', [parts.serverRef, JSON.stringify(measurements)])
  if (!isKnown) await addReference(context, parts)
}

/** §10.8: as the security version that the program itself states. */
async function voteHere(context: Context, parts: RecordServerParts): Promise<void> {
  const { configuration, ledger, program } = parts
  const consortium = findConsortium(context.state)
  const here = consortium === undefined ? [] : await organizationsHere(context, consortium)
  const voters = here.filter(({ mspId }) => configuration.organizations.some((one) => one.mspId === mspId))
  await withTrustedApplication(parts, async (tee) => {
    const { evidence } = await tee.request('attest', { nonce: context.crypto.randomBytes(32) })
    const { measurement, securityVersion } = parseEvidence(evidence).payload
    if (measurement !== program.measurement) throw new CommandError('ATTESTATION_MEASUREMENT')
    await voteForProgram(ledger, voters, { measurement, securityVersion })
  })
}

function knows(optee: OpteeReference | undefined, { core, program }: { core: string; program: string }): boolean {
  if (optee === undefined) return false
  return optee.cores.some(({ digest }) => digest === core) && optee.programs.some(({ digest }) => digest === program)
}

/** Adds what was built to what the ledger accepts of this server; the newest of each stay. */
async function addReference(context: Context, parts: RecordServerParts): Promise<void> {
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server === undefined) return
  const { ref, kind, publicKey, certSerial, attributes, server } = known
  let added: OpteeReference | undefined
  await withTrustedApplication(parts, async (tee) => {
    added = await opteeOf(context, parts, tee)
  })
  if (added === undefined) return
  const merged = mergeReferences(server.optee, added)
  const renewed: ParticipantRegistration = {
    ref,
    kind,
    publicKey,
    certSerial,
    attributes,
    server: { ...server, optee: merged },
  }
  await submitAsAdmin(parts, 'renewParticipant', [JSON.stringify(renewed)])
}

export const SERVER_RENEW_BEFORE_MS = 30 * 86_400_000

/**
 * The same key gets a new certificate before the old one ends. The ledger is where it counts, so the trusted application
 * and its clients notice nothing; it may be running.
 * @param atOnce also while there is time.
 * @returns when the certificate that is registered now ends, Unix ms; undefined while there is no registration.
 */
export async function renewServerCertificate(
  { clock }: Pick<Context, 'clock'>,
  parts: Pick<RecordServerParts, 'ledger' | 'operator' | 'serverRef'>,
  atOnce = false,
): Promise<number | undefined> {
  const known = await findRegistration(parts.ledger, parts.serverRef)
  if (known?.server === undefined) return undefined
  const { ref, kind, attributes, server } = known
  const { notAfterMs, publicKey } = parseCertificate(decodeBase64url(server.certificate))
  if (!atOnce && notAfterMs - clock.nowMs() > SERVER_RENEW_BEFORE_MS) return notAfterMs
  const { chain, serialHex } = await parts.operator.organization.authority.issue({ role: 'server', ref, publicKey })
  const renewed: ParticipantRegistration = {
    ref,
    kind,
    publicKey: known.publicKey,
    certSerial: serialHex,
    attributes,
    server: { ...server, certificate: encodeBase64url(chain[0]) },
  }
  await submitAsAdmin(parts, 'renewParticipant', [JSON.stringify(renewed)])
  return parseCertificate(chain[0]).notAfterMs
}

async function withTrustedApplication(
  { program }: RecordServerParts,
  work: (tee: TeeDriver) => Promise<void>,
): Promise<void> {
  const tee = await startTee(program.settings)
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
  { ledger, operator }: Pick<RecordServerParts, 'ledger' | 'operator'>,
  fn: string,
  args: readonly string[],
): Promise<void> {
  await submitCall(ledger, operator.organization.admin, { fn, args })
}

function short(measurement: string): string {
  return `${measurement.slice(0, 4)}…${measurement.slice(-2)}`
}
