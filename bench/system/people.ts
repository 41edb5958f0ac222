/**
 * People of a system under measurement: doctors, and patients who permitted them. They register as anybody does.
 *
 * @module
 */
import {
  createKeys,
  formatIdentityFile,
  HospitalApi,
  HospitalClient,
  HttpTransport,
  parseIdentityFile,
  PatientClient,
  relayedBy,
  signerOf,
  VerifyingLedgerReader,
  type Identity,
  type InvitationRequest,
  type NewKeys,
  type ParticipantOptions,
  type Transport,
} from '../../clients/sdk/src/index.ts'
import type { Crypto } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import type { HospitalRef, PatientRef, PractitionerRef } from '../../shared/protocol/src/index.ts'
import { keepConnections, type KeptConnections } from './fetch.ts'
import type { BenchSystem } from './system.ts'

/** Doctors of one permission: the most that a warrant names is 16. */
const DOCTORS_OF_PATIENT = 10
const AT_ONCE = 8
const HOUR_MS = 3_600_000

/** Where the system is and whom its clients believe. */
export type Surroundings = Pick<BenchSystem, 'serverUrl' | 'hospitalUrl' | 'serverRef' | 'consortium'>

/** A doctor with one patient's permission, and that patient. */
export interface BenchDoctor {
  /** Text of an identity file. */
  readonly identity: string
  readonly patient: PatientRef
  /** Compact JWS. */
  readonly warrant: string
}

export interface Population {
  readonly doctors: readonly BenchDoctor[]
  /** Texts of the patients' identity files. */
  readonly patients: readonly string[]
  /** Permissions for the hospital itself, one of each patient: for importing earlier records. */
  readonly imports: readonly { readonly patient: PatientRef; readonly warrant: string }[]
}

export const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }

export function participantOptions(
  crypto: Crypto,
  surroundings: Surroundings,
  identity: Identity,
  transport: Transport,
  { fetch }: KeptConnections,
): ParticipantOptions {
  const hospital = new HospitalApi({ crypto, clock, fetch, url: surroundings.hospitalUrl })
  const signer = { ref: identity.ref, signer: identity.signer }
  return {
    crypto,
    clock,
    identity,
    hospital,
    ledger: new VerifyingLedgerReader(crypto, surroundings.consortium, relayedBy(hospital, signer), 'Hospital A'),
    serverRef: surroundings.serverRef,
    transport,
    policy: { teeKinds: ['process'], minSecurityVersion: 0, allowSimulated: true },
  }
}

export async function populate(system: BenchSystem, doctorCount: number): Promise<Population> {
  const crypto = createNodeCrypto()
  const connections = keepConnections(AT_ONCE)
  const transport = new HttpTransport(system.serverUrl, connections.fetchBytes)
  const staffFile = parseIdentityFile(crypto, system.staff)
  const staff = new HospitalClient(participantOptions(crypto, system, staffFile.identity, transport, connections))
  const api = new HospitalApi({ crypto, clock, fetch: connections.fetch, url: system.hospitalUrl })
  const register = async (invitation: InvitationRequest): Promise<{ identity: Identity; keys: NewKeys }> => {
    const keys = createKeys(crypto)
    const signer = signerOf(crypto, keys.signingKey)
    const { code } = await staff.invite(invitation)
    const registered = await api.register(code, 'bench', signer, keys.sealKey.publicKey)
    const common = { mspId: registered.mspId, signer, sealKey: keys.sealKey }
    const identity: Identity =
      registered.kind === 'patient'
        ? {
            ...common,
            kind: 'patient',
            ref: registered.ref,
            credential: { kind: 'patient', jws: registered.credential },
          }
        : {
            ...common,
            kind: 'practitioner',
            ref: registered.ref,
            credential: { kind: 'x509', chain: registered.chain },
          }
    return { identity, keys }
  }
  try {
    const textOf = ({ identity, keys }: { identity: Identity; keys: NewKeys }): string =>
      formatIdentityFile(crypto, keys, { identity, name: 'bench' })
    const doctors = await inTurns(doctorCount, (i) =>
      register({ kind: 'practitioner', name: `Doctor ${i}`, department: 'Cardiology' }),
    )
    const patientCount = Math.ceil(doctorCount / DOCTORS_OF_PATIENT)
    const people = await inTurns(patientCount, async (i) => {
      const patient = await register({ kind: 'patient', name: `Patient ${i}`, identityCheckedBy: 'front desk' })
      const client = new PatientClient(participantOptions(crypto, system, patient.identity, transport, connections))
      const mine = doctors.slice(i * DOCTORS_OF_PATIENT, (i + 1) * DOCTORS_OF_PATIENT)
      const terms = (refs: readonly (PractitionerRef | HospitalRef)[]) => ({
        doctors: refs,
        hospital: staff.ref,
        fromMs: Date.now() - 1_000,
        untilMs: Date.now() + 24 * HOUR_MS,
        scope: ['*'],
      })
      const { warrant } = await client.issueWarrant(terms(mine.map(({ identity }) => identity.ref as PractitionerRef)))
      // As a patient's device does at registration: the hospital keeps records, by import and by its FHIR API.
      const { warrant: forHospital } = await client.issueWarrant({ ...terms([staff.ref]), aux: 'registration' })
      return { patient, ref: client.ref, mine, warrant, forHospital }
    })
    return {
      doctors: people.flatMap(({ ref, mine, warrant }) =>
        mine.map((doctor) => ({ identity: textOf(doctor), patient: ref, warrant })),
      ),
      patients: people.map(({ patient }) => textOf(patient)),
      imports: people.map(({ ref, forHospital }) => ({ patient: ref, warrant: forHospital })),
    }
  } finally {
    connections.close()
  }
}

async function inTurns<T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) results[i] = await work(i)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}
