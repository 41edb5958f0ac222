/**
 * From a name to a client: the identity's keys, the addresses of system.json, the consortium's public configuration.
 * Every answer of the ledger is proven by the client itself; the protected area is accepted as simulated here, because
 * a system that `trusthealth start` made says so of itself, and every result is marked as practice.
 *
 * @module
 */
import type { AttestationPolicy } from '../../../shared/protocol/src/index.ts'
import { DoctorClient } from '../../sdk/src/doctor.ts'
import { HospitalApi } from '../../sdk/src/hospital-api.ts'
import type { Fetch } from '../../sdk/src/hospital-calls.ts'
import { HospitalClient } from '../../sdk/src/hospital.ts'
import { HttpTransport, type BinaryFetch } from '../../sdk/src/http-transport.ts'
import { relayedBy, VerifyingLedgerReader } from '../../sdk/src/ledger-reader.ts'
import type { Participant, ParticipantOptions } from '../../sdk/src/participant.ts'
import { PatientClient } from '../../sdk/src/patient.ts'
import { CommandError, usageError } from './command-error.ts'
import type { Context } from './context.ts'
import { actingIdentity, findIdentity, type StoredIdentity } from './identities.ts'
import { renewCredential } from './renew-credential.ts'
import {
  consortiumConfigOf,
  requireSystem,
  SERVER_PROGRAM,
  urlOf,
  type Consortium,
  type HospitalEntry,
  type SystemState,
} from './system-file.ts'

const DEFAULT_TIMEOUT_MS = 30_000

/** Accepted on a machine where one person runs every part; see the module's text. */
export const PRACTICE_POLICY: AttestationPolicy = {
  teeKinds: ['process', 'optee'],
  minSecurityVersion: 0,
  allowSimulated: true,
}

export interface Connection<C extends Participant = Participant> {
  readonly context: Context
  readonly who: StoredIdentity
  readonly client: C
  readonly consortium: Consortium
  readonly system: SystemState
}

/** Who acts in this command: `--as` and what may stand for it. */
export function whoActs({ state, crypto, flags, terminal }: Context): StoredIdentity {
  return actingIdentity(state, crypto, flags.as, terminal.environment)
}

/** A client of the kind that the identity is. Auditors read the ledger themselves: see commands/audit.ts. */
export function connect(context: Context, who: StoredIdentity = whoActs(context)): Connection {
  const { consortium, system } = requireSystem(context.state)
  const options = participantOptions(context, who, consortium, system)
  const client = clientOf(options)
  return { context, who, client, consortium, system }
}

export function connectPatient(context: Context): Connection<PatientClient> {
  return requireKind(connect(context), PatientClient, 'a patient')
}

export function connectDoctor(context: Context): Connection<DoctorClient> {
  return requireKind(connect(context), DoctorClient, 'a doctor')
}

/** The staff of a hospital: `--as hospital-a`, or the one that `--hospital` names. */
export function connectHospital(context: Context, hospital?: string): Connection<HospitalClient> {
  const who = hospital === undefined ? whoActs(context) : findIdentity(context.state, context.crypto, hospital)
  return requireKind(connect(context, who), HospitalClient, 'a hospital')
}

/** Runs `work` and closes the session afterwards; a credential that is about to end is renewed before. */
export async function using<C extends Participant, T>(
  connection: Connection<C>,
  work: (connection: Connection<C>) => Promise<T>,
): Promise<T> {
  const { context, who, client } = connection
  const renewed = await renewCredential(context, who, client.options.hospital)
  // The same person and kind of client, with a credential that lasts.
  const current = renewed === who ? connection : (connect(context, renewed) as Connection<C>)
  try {
    return await work(current)
  } finally {
    current.client.close()
  }
}

/** The hospital of an identity: its own, or the one that registered it. */
export function hospitalOf(who: StoredIdentity, consortium: Consortium): HospitalEntry {
  const ref = who.identity.kind === 'organization' ? who.identity.ref : who.hospital?.ref
  const found = consortium.hospitals.find((one) => one.ref === ref)
  if (found === undefined) {
    throw new CommandError('CLIENT_NO_IDENTITY', { what: `${who.name} is not of a hospital of this system.` })
  }
  return found
}

/** Fetch that gives up: a part that hangs is a part that does not answer. */
export function fetchWithin(context: Pick<Context, 'flags'>): Fetch {
  const timeoutMs = timeoutOf(context)
  return (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
}

function fetchBytesWithin(context: Pick<Context, 'flags'>): BinaryFetch {
  const timeoutMs = timeoutOf(context)
  return (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
}

export function timeoutOf({ flags }: Pick<Context, 'flags'>): number {
  if (flags.timeout === undefined) return DEFAULT_TIMEOUT_MS
  const seconds = Number(flags.timeout)
  if (!(seconds > 0 && seconds <= 3_600)) throw usageError('--timeout is a number of seconds from 1 to 3600.')
  return seconds * 1000
}

export function hospitalApi(context: Context, system: SystemState, hospital: HospitalEntry): HospitalApi {
  const { crypto, clock } = context
  return new HospitalApi({ crypto, clock, fetch: fetchWithin(context), url: urlOf(system, hospital.slug) })
}

export function participantOptions(
  context: Context,
  who: StoredIdentity,
  consortium: Consortium,
  system: SystemState,
): ParticipantOptions {
  const { crypto, clock } = context
  const { identity } = who
  const entry = hospitalOf(who, consortium)
  const hospital = hospitalApi(context, system, entry)
  const signer = { ref: identity.ref, signer: identity.signer }
  return {
    crypto,
    clock,
    identity,
    hospital,
    ledger: new VerifyingLedgerReader(
      crypto,
      consortiumConfigOf(consortium),
      relayedBy(hospital, signer),
      `${entry.name}, which asks the ledger`,
    ),
    serverRef: consortium.serverRef,
    transport: new HttpTransport(urlOf(system, SERVER_PROGRAM), fetchBytesWithin(context)),
    policy: PRACTICE_POLICY,
  }
}

function clientOf(options: ParticipantOptions): Participant {
  const { kind } = options.identity
  if (kind === 'patient') return new PatientClient(options)
  if (kind === 'practitioner') return new DoctorClient(options)
  if (kind === 'organization') return new HospitalClient(options)
  throw usageError('An auditor sees no records.', 'trusthealth audit, trusthealth ledger verify')
}

function requireKind<C extends Participant>(
  connection: Connection,
  kind: new (options: ParticipantOptions) => C,
  what: string,
): Connection<C> {
  const { client, who } = connection
  if (client instanceof kind) return { ...connection, client }
  throw usageError(`${who.name} is not ${what}.`, `--as NAME of ${what}`)
}
