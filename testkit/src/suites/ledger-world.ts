/**
 * What the parts of the ledger suite share: a consortium whose hospitals are registered, short calls, and statements of
 * patients.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { encodeBase64url, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  type ChannelConfiguration,
  type CommitGroup,
  encodeCommitGroups,
  endorsementTrustOf,
  type LedgerErrorCode,
  type PatientKeyInput,
  type VerifiedRead,
  verifyEndorsedRead,
} from '../../../shared/ledger-model/src/index.ts'
import {
  type AuthorRef,
  commitmentToJson,
  deriveTreatmentKey,
  type Grant,
  issueGrant,
  issueKeyStatement,
  issueRevocation,
  issueWarrant,
  makeCommitment,
  makeWarrantRecord,
  newId,
  newRecordId,
  type PatientRef,
  signCommitments,
  type Warrant,
} from '../../../shared/protocol/src/index.ts'
import type { Ledger, LedgerIdentity } from '../../../ledger/client/src/port.ts'
import { submitCall } from '../../../ledger/client/src/submit-call.ts'
import {
  type Consortium,
  createPatient,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
  type TestPatient,
} from '../consortium.ts'

/** A ledger of `consortium`, empty, open. Its own queries are signed by the first organisation's administrator. */
export interface LedgerUnderTest {
  readonly ledger: Ledger
  readonly close: () => Promise<void>
  /** Whom readers believe, if not the nodes of the consortium's genesis. */
  readonly configuration?: ChannelConfiguration
}

export type OpenLedger = (consortium: Consortium) => Promise<LedgerUnderTest>

export const crypto = createNodeCrypto()
export const DAY_S = 86_400
export const HASH = 'ab'.repeat(32)

export type LedgerWorld = Awaited<ReturnType<typeof openLedgerWorld>>

/** Both hospitals are registered. */
export async function openLedgerWorld(consortium: Consortium, { ledger, close, configuration }: LedgerUnderTest) {
  const [a, b] = consortium.organizations as [TestOrganization, TestOrganization]

  /** Commits a call and gives its result as JSON. Arguments that are no text become JSON. */
  async function call(identity: LedgerIdentity, fn: string, ...args: readonly unknown[]): Promise<unknown> {
    const { result } = await submitCall(ledger, identity, { fn, args: args.map(argument) })
    return JSON.parse(result)
  }

  async function ask(fn: string, ...args: readonly unknown[]): Promise<unknown> {
    return JSON.parse(await ledger.query({ fn, args: args.map(argument) }))
  }

  /** An endorsed read, verified. */
  async function read(fn: string, ...args: readonly string[]): Promise<VerifiedRead> {
    const nonce = new Uint8Array(randomBytes(32))
    const answers = await ledger.endorsedRead({ fn, args, nonce })
    return verifyEndorsedRead(crypto, { ...demand(nonce), query: { fn, args } }, answers)
  }

  function demand(nonce: Uint8Array) {
    return { ...endorsementTrustOf(crypto, configuration ?? consortium.genesis), nonce }
  }

  async function register<R extends 'doctor' | 'auditor' | 'server'>(organization: TestOrganization, role: R) {
    const identity = await issueCertificate(organization.authority, role)
    await call(organization.admin, 'registerParticipant', registrationOf(identity))
    return identity
  }

  async function registerPatient(organization: TestOrganization): Promise<TestPatient> {
    const patient = createPatient()
    await call(organization.hospital, 'registerParticipant', patientRegistrationOf(patient))
    return patient
  }

  for (const { admin, hospital } of [a, b]) await call(admin, 'registerParticipant', registrationOf(hospital))
  return { consortium, ledger, close, a, b, call, ask, read, demand, register, registerPatient }
}

function argument(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** That something is refused with a code. */
export async function refused(code: LedgerErrorCode, promise: Promise<unknown>, what?: string): Promise<void> {
  await assert.rejects(promise, { name: 'LedgerError', code }, what)
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000)
}

/** A warrant and its recording. */
export function warrantOf(
  patient: TestPatient,
  terms: Pick<Warrant, 'doctors' | 'hospital'> & Partial<Warrant>,
  key: SigningKey = patient.signingKey,
) {
  const nbf = nowSeconds()
  const warrant: Warrant = {
    jti: newId(crypto, 'w'),
    iss: patient.ref,
    nbf,
    exp: nbf + DAY_S,
    scope: ['*'],
    aux: '',
    ...terms,
  }
  const jws = issueWarrant(crypto, key, warrant)
  return { warrant, jws, record: makeWarrantRecord(crypto, key, jws) }
}

export function grantOf(
  patient: TestPatient,
  terms: Pick<Grant, 'grantee'> & Partial<Grant>,
  key = patient.signingKey,
) {
  const nbf = nowSeconds()
  const grant: Grant = {
    jti: newId(crypto, 'g'),
    iss: patient.ref,
    scope: ['lab'],
    records: [],
    fromMs: 0,
    toMs: 0,
    purpose: 'TREAT',
    nbf,
    exp: nbf + DAY_S,
    ...terms,
  }
  return { grant, jws: issueGrant(crypto, key, grant) }
}

export function revocationOf(
  patient: TestPatient,
  target: Warrant['jti'] | Grant['jti'],
  key = patient.signingKey,
): string {
  return issueRevocation(crypto, key, { jti: newId(crypto, 'v'), iss: patient.ref, target, iat: nowSeconds() })
}

export function addKeyStatement(patient: TestPatient, added: PatientKeyInput, key = patient.signingKey): string {
  const base = { jti: newId(crypto, 'k'), iss: patient.ref, iat: nowSeconds() }
  return issueKeyStatement(crypto, key, { ...base, action: 'add', ...added })
}

export function removeKeyStatement(
  patient: TestPatient,
  kid: PatientKeyInput['kid'],
  key = patient.signingKey,
): string {
  const base = { jti: newId(crypto, 'k'), iss: patient.ref, iat: nowSeconds() }
  return issueKeyStatement(crypto, key, { ...base, action: 'remove', kid })
}

const treatmentKey = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)

/** `count` commitments of an author to new records of a patient, signed. */
export function commitGroup(
  author: { readonly ref: AuthorRef; readonly signingKey: SigningKey },
  patient: PatientRef,
  count = 1,
): CommitGroup {
  const items = Array.from({ length: count }, () =>
    makeCommitment(crypto, treatmentKey, {
      recordId: newRecordId(crypto, Date.now()),
      version: 1,
      patient,
      author: author.ref,
      ehr: crypto.randomBytes(16),
      salt: crypto.randomBytes(32),
      warrantHash: crypto.randomBytes(32),
    }),
  )
  const signature = encodeBase64url(signCommitments(crypto, author.signingKey, author.ref, items))
  return { author: author.ref, signature, items: items.map(commitmentToJson) }
}

/** The argument of `commit`. */
export function groupsText(...groups: readonly CommitGroup[]): string {
  return encodeCommitGroups(groups)
}
