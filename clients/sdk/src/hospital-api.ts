/**
 * The hospital service as a client sees it: signed requests, checked answers. Answers of the hospital about its own
 * patients are believed; everything about records and permissions is proven elsewhere.
 * Spec: docs/protocol/02-registration.md §2.6; the service describes itself at /openapi.json.
 *
 * @module
 */
import { concat, encodeBase64url, encodeUtf8, label } from '../../../shared/crypto/src/index.ts'
import {
  authorRefShape,
  commitmentToJson,
  isPatientRef,
  list,
  literal,
  mspIdShape,
  optional,
  struct,
  text,
  uint,
  type AppointmentId,
  type ChainId,
  type Commitment,
  type PatientRef,
  type PractitionerRef,
  type RecordId,
  type Shape,
} from '../../../shared/protocol/src/index.ts'
import type { Signer } from './identity.ts'
import { appRequestShape, appShape, type App, type AppRequest, type NewApp } from './hospital-answers/apps.ts'
import { bytesText, hospitalMembers, okShape, sealedKeys } from './hospital-answers/common.ts'
import {
  codeUseShape,
  joinStateShape,
  rekeyStateShape,
  waitingJoinShape,
  waitingRekeyShape,
  type CodeUse,
  type JoinState,
  type RekeyState,
  type WaitingJoin,
  type WaitingRekey,
} from './hospital-answers/devices.ts'
import {
  ledgerReceiptShape,
  placeShape,
  placesShape,
  type CommittedPlace,
  type LedgerPlace,
  type LedgerReceipt,
} from './hospital-answers/ledger.ts'
import {
  eraseRequestShape,
  outboxContentShape,
  outboxEntryShape,
  type EraseRequest,
  type OutboxEntry,
} from './hospital-answers/outbox.ts'
import {
  patientEntryShape,
  practitionerShape,
  registeredShape,
  relayedDirectoryShape,
  staffEntryShape,
  staffRegisteredShape,
  whoAmIShape,
  type DirectoryEntry,
  type InvitationRequest,
  type PatientEntry,
  type Registered,
  type RelayedDirectory,
  type StaffEntry,
  type StaffRegistered,
  type WhoAmI,
} from './hospital-answers/people.ts'
import {
  recoveryGivenShape,
  recoveryShareShape,
  type RecoveryShareGiven,
  type RecoveryShareHeld,
} from './hospital-answers/recovery.ts'
import {
  questionShape,
  reviewedEmergencyShape,
  type AskedQuestion,
  type NewQuestion,
  type ReviewedEmergency,
  type Verdict,
} from './hospital-answers/reviews.ts'
import {
  hospitalStatusShape,
  summaryShape,
  type HospitalStatus,
  type HospitalSummary,
} from './hospital-answers/status.ts'
import {
  appointmentShape,
  chainShape,
  sealedAppointmentShape,
  warrantShape,
  type AppointmentEntry,
  type DeliveredWarrant,
  type NewAppointment,
  type SealedAppointment,
  type WaitingChain,
} from './hospital-answers/visits.ts'
import { HospitalCalls, type HospitalApiOptions, type RequestSigner } from './hospital-calls.ts'

const REGISTRATION = label('registration')

export class HospitalApi {
  readonly url: string
  readonly #calls: HospitalCalls

  constructor(options: HospitalApiOptions) {
    this.#calls = new HospitalCalls(options)
    this.url = options.url
  }

  about(): Promise<{ readonly ref: string; readonly name: string; readonly mspId: string }> {
    return this.#calls.call('GET', '/v1/hospital', undefined, struct({ ...hospitalMembers, mspId: mspIdShape }))
  }

  status(as: RequestSigner): Promise<HospitalStatus> {
    return this.#calls.call('GET', '/v1/status', as, hospitalStatusShape)
  }

  invite(
    as: RequestSigner,
    invitation: InvitationRequest,
  ): Promise<{ readonly code: string; readonly expiresMs: number }> {
    return this.#calls.call(
      'POST',
      '/v1/invitations',
      as,
      struct({ code: text({ max: 12 }), expiresMs: uint() }),
      invitation,
    )
  }

  /** Proves the new key and uses the code up. */
  async register(code: string, device: string, signer: Signer, sealKey: Uint8Array): Promise<Registered> {
    const input = concat(REGISTRATION, signer.publicKey, sealKey, encodeUtf8(code))
    return await this.#calls.call('POST', '/v1/registrations', undefined, registeredShape, {
      code,
      publicKey: encodeBase64url(signer.publicKey),
      sealKey: encodeBase64url(sealKey),
      label: device,
      proof: encodeBase64url(await signer.sign(input)),
    })
  }

  /** A member of staff's own key; the code is of an invitation of kind `staff`. */
  async registerStaff(code: string, device: string, signer: Signer, sealKey: Uint8Array): Promise<StaffRegistered> {
    const input = concat(REGISTRATION, signer.publicKey, sealKey, encodeUtf8(code))
    return await this.#calls.call('POST', '/v1/staff/registrations', undefined, staffRegisteredShape, {
      code,
      publicKey: encodeBase64url(signer.publicKey),
      sealKey: encodeBase64url(sealKey),
      label: device,
      proof: encodeBase64url(await signer.sign(input)),
    })
  }

  whoAmI(as: RequestSigner): Promise<WhoAmI> {
    return this.#calls.call('GET', '/v1/whoami', as, whoAmIShape)
  }

  async staff(as: RequestSigner): Promise<readonly StaffEntry[]> {
    return (await this.#calls.call('GET', '/v1/staff', as, struct({ staff: list(staffEntryShape, { max: 65_536 }) })))
      .staff
  }

  async removeStaffKey(as: RequestSigner, id: string, kid: string): Promise<void> {
    await this.#calls.call('DELETE', `/v1/staff/${id}/keys/${kid}`, as, okShape)
  }

  /** What a code is for. @throws {ClientError} `INVITATION_UNKNOWN` */
  codeUse(code: string): Promise<CodeUse> {
    return this.#calls.call('POST', '/v1/codes', undefined, codeUseShape, { code })
  }

  /** A code with which one more device of the caller can ask to join: see device-join.ts. */
  createDeviceLink(
    as: RequestSigner,
    ttlSeconds?: number,
  ): Promise<{ readonly code: string; readonly expiresMs: number }> {
    const body = ttlSeconds === undefined ? {} : { ttlSeconds }
    return this.#calls.call(
      'POST',
      '/v1/devices/links',
      as,
      struct({ code: text({ max: 12 }), expiresMs: uint() }),
      body,
    )
  }

  join(request: {
    readonly code: string
    readonly publicKey: string
    readonly sealKey: string
    readonly label: string
    readonly mac: string
    readonly proof: string
  }): Promise<JoinState> {
    return this.#calls.call('POST', '/v1/devices/joins', undefined, joinStateShape, request)
  }

  async waitingJoins(as: RequestSigner): Promise<readonly WaitingJoin[]> {
    return (
      await this.#calls.call('GET', '/v1/devices/joins', as, struct({ joins: list(waitingJoinShape, { max: 64 }) }))
    ).joins
  }

  async approveJoin(as: RequestSigner, id: string, handover?: Uint8Array): Promise<void> {
    const body = handover === undefined ? {} : { handover: encodeBase64url(handover) }
    await this.#calls.call('POST', `/v1/devices/joins/${id}/approve`, as, okShape, body)
  }

  async refuseJoin(as: RequestSigner, id: string): Promise<void> {
    await this.#calls.call('POST', `/v1/devices/joins/${id}/refuse`, as, okShape, {})
  }

  /** Staff have checked who the patient or doctor is; the second one gets the code for the new device. */
  confirmRekey(as: RequestSigner, person: PatientRef | PractitionerRef): Promise<RekeyState> {
    const kind = isPatientRef(person) ? 'patients' : 'practitioners'
    return this.#calls.call('POST', `/v1/${kind}/${person}/rekeys`, as, rekeyStateShape, {})
  }

  async waitingRekeys(as: RequestSigner): Promise<readonly WaitingRekey[]> {
    const shape = struct({ rekeys: list(waitingRekeyShape, { max: 65_536 }) })
    return (await this.#calls.call('GET', '/v1/rekeys', as, shape)).rekeys
  }

  /** The next version of a treatment key; `provisionedVersion`: the newest that the record server has. */
  rotateTreatmentKey(
    as: RequestSigner,
    patient: PatientRef,
  ): Promise<{ readonly version: number; readonly provisionedVersion: number }> {
    const shape = struct({ version: uint({ min: 1 }), provisionedVersion: uint() })
    return this.#calls.call('POST', `/v1/patients/${patient}/treatment-key`, as, shape, {})
  }

  async renewCredential(as: RequestSigner): Promise<string> {
    return (await this.#calls.call('POST', '/v1/credentials', as, struct({ credential: text({ max: 16_384 }) }), {}))
      .credential
  }

  /** A doctor's certificate for the registered key, DER, leaf first: the old one while it lasts for more than a month. */
  async renewCertificate(as: RequestSigner): Promise<readonly Uint8Array[]> {
    const shape = struct({ chain: list(bytesText, { min: 1, max: 3 }) })
    return (await this.#calls.call('POST', '/v1/credentials', as, shape, {})).chain
  }

  /** The staff's first screen. */
  summary(as: RequestSigner): Promise<HospitalSummary> {
    return this.#calls.call('GET', '/v1/summary', as, summaryShape)
  }

  /** Emergency accesses of the hospital's patients, with the newest verdict of staff. */
  async reviewedEmergencies(as: RequestSigner): Promise<readonly ReviewedEmergency[]> {
    const shape = struct({ emergencies: list(reviewedEmergencyShape, { max: 1_000 }) })
    return (await this.#calls.call('GET', '/v1/emergencies', as, shape)).emergencies
  }

  /** `misuse` is on the shared ledger when this resolves. @returns the ledger's transaction then. */
  async reviewEmergency(
    as: RequestSigner,
    emergency: string,
    verdict: Verdict,
    note?: string,
  ): Promise<string | undefined> {
    const body = { verdict, ...(note === undefined ? {} : { note }) }
    const shape = struct({ ok: literal(true), reportTx: optional(text({ max: 64 })) })
    return (await this.#calls.call('POST', `/v1/emergencies/${emergency}/reviews`, as, shape, body)).reportTx
  }

  /** Patients: asks the hospital, or reports misuse to it; it has it when this resolves. @throws `HTTP_RATE_LIMITED` */
  ask(as: RequestSigner, question: NewQuestion): Promise<AskedQuestion> {
    return this.#calls.call('POST', '/v1/questions', as, questionShape, question)
  }

  /** Newest first: the patient's own; for staff everybody's. */
  async questions(as: RequestSigner): Promise<readonly AskedQuestion[]> {
    const shape = struct({ questions: list(questionShape, { max: 1_000 }) })
    return (await this.#calls.call('GET', '/v1/questions', as, shape)).questions
  }

  /** Staff: once. */
  async answerQuestion(as: RequestSigner, id: string, answer: string): Promise<void> {
    await this.#calls.call('POST', `/v1/questions/${id}/answer`, as, okShape, { text: answer })
  }

  /** Staff register an app or a backend service. @throws {ClientError} `HTTP_BAD_REQUEST` */
  registerApp(as: RequestSigner, app: NewApp): Promise<App> {
    return this.#calls.call('POST', '/v1/apps', as, appShape, app)
  }

  async apps(as: RequestSigner): Promise<readonly App[]> {
    return (await this.#calls.call('GET', '/v1/apps', as, struct({ apps: list(appShape, { max: 65_536 }) }))).apps
  }

  /** Its tokens end with it. */
  async removeApp(as: RequestSigner, clientId: string): Promise<void> {
    await this.#calls.call('DELETE', `/v1/apps/${clientId}`, as, okShape)
  }

  /** Staff: recovery shares of the record server's key that this hospital keeps, newest first. */
  async recoveryShares(as: RequestSigner): Promise<readonly RecoveryShareHeld[]> {
    const shape = struct({ shares: list(recoveryShareShape, { max: 16 }) })
    return (await this.#calls.call('GET', '/v1/recovery', as, shape)).shares
  }

  /** Staff: gives the hospital's recovery share to the device that the organisations voted for. @throws {ClientError} */
  giveRecoveryShare(as: RequestSigner, url?: string): Promise<RecoveryShareGiven> {
    const body = url === undefined ? {} : { url }
    return this.#calls.call('POST', '/v1/recovery/give', as, recoveryGivenShape, body)
  }

  /** A patient: what this hospital asks to be destroyed; staff: of everybody. Newest first. */
  async eraseRequests(as: RequestSigner): Promise<readonly EraseRequest[]> {
    const shape = struct({ requests: list(eraseRequestShape, { max: 100_000 }) })
    return (await this.#calls.call('GET', '/v1/erase-requests', as, shape)).requests
  }

  /**
   * The patient's answer: `kept`, or `erased` after `PatientClient.erase`.
   * @returns state `requested` still where the record server has the record.
   */
  answerEraseRequest(as: RequestSigner, id: string, answer: 'erased' | 'kept'): Promise<EraseRequest> {
    return this.#calls.call('POST', `/v1/erase-requests/${id}`, as, eraseRequestShape, { answer })
  }

  /** What the app asks for that shows this code. @throws {ClientError} `INVITATION_UNKNOWN` */
  appRequest(as: RequestSigner, code: string): Promise<AppRequest> {
    return this.#calls.call('POST', '/v1/apps/requests', as, appRequestShape, { code })
  }

  /** Yes or no to an app; `scopes`: some of what it asked for; `patient`: where it needs one. */
  async decideApp(
    as: RequestSigner,
    code: string,
    decision: 'approve' | 'refuse',
    chosen: { readonly scopes?: readonly string[]; readonly patient?: PatientRef } = {},
  ): Promise<void> {
    await this.#calls.call('POST', `/v1/apps/requests/${code}`, as, okShape, { decision, ...chosen })
  }

  /** For starting an app out of a patient's file: parameters `launch` and `iss` of its launch address. */
  launchApp(as: RequestSigner, patient: PatientRef): Promise<{ readonly launch: string; readonly iss: string }> {
    const shape = struct({ launch: text({ max: 64 }), iss: text({ max: 2_048 }) })
    return this.#calls.call('POST', '/v1/apps/launches', as, shape, { patient })
  }

  /** Leaves a record that cannot be delivered now in the hospital's encrypted outbox; durable when this resolves. */
  keep(as: RequestSigner, signature: Uint8Array, item: Commitment, envelope: Uint8Array): Promise<OutboxEntry> {
    return this.#calls.call('POST', '/v1/outbox', as, outboxEntryShape, {
      signature: encodeBase64url(signature),
      item: commitmentToJson(item),
      envelope: encodeBase64url(envelope),
    })
  }

  /** What waits: the caller's own; of the hospital, for staff. */
  async outbox(as: RequestSigner): Promise<readonly OutboxEntry[]> {
    const counts = struct({ waiting: uint(), refused: uint(), oldestMs: optional(uint()) })
    const shape = struct({ entries: list(outboxEntryShape, { max: 65_536 }), counts: optional(counts) })
    return (await this.#calls.call('GET', '/v1/outbox', as, shape)).entries
  }

  /** `C_P` of a record that waits; undefined: it was delivered. */
  async keptEnvelope(as: RequestSigner, record: RecordId, version: number): Promise<Uint8Array | undefined> {
    return (await this.#calls.call('GET', `/v1/outbox/${record}/${version}`, as, outboxContentShape)).envelope
  }

  async keptDelivered(as: RequestSigner, record: RecordId, version: number, receipt: string): Promise<void> {
    await this.#calls.call('POST', `/v1/outbox/${record}/${version}/delivered`, as, okShape, { receipt })
  }

  /** Gives up what was refused. */
  async dropKept(as: RequestSigner, record: RecordId, version: number): Promise<void> {
    await this.#calls.call('DELETE', `/v1/outbox/${record}/${version}`, as, okShape)
  }

  /** A copy of the hospital's store, encrypted under its key, on the hospital's own disk. */
  makeBackup(as: RequestSigner): Promise<{ readonly file: string; readonly bytes: number; readonly sha256: string }> {
    const shape = struct({ file: text({ max: 64 }), bytes: uint(), sha256: text({ max: 64 }) })
    return this.#calls.call('POST', '/v1/backups', as, shape, {})
  }

  /** Names of the copies, newest first. */
  async backups(as: RequestSigner): Promise<readonly string[]> {
    const shape = struct({ backups: list(text({ max: 64 }), { max: 65_536 }) })
    return (await this.#calls.call('GET', '/v1/backups', as, shape)).backups
  }

  async patients(as: RequestSigner): Promise<readonly PatientEntry[]> {
    return (
      await this.#calls.call('GET', '/v1/patients', as, struct({ patients: list(patientEntryShape, { max: 65_536 }) }))
    ).patients
  }

  async practitioners(as: RequestSigner): Promise<readonly DirectoryEntry[]> {
    const shape = struct({ practitioners: list(practitionerShape, { max: 65_536 }) })
    return (await this.#calls.call('GET', '/v1/practitioners', as, shape)).practitioners
  }

  /** Lists of other hospitals' doctors as they came: see `readDirectories`. */
  async directories(as: RequestSigner): Promise<readonly RelayedDirectory[]> {
    const shape = struct({ directories: list(relayedDirectoryShape, { max: 64 }) })
    const { directories } = await this.#calls.call('GET', '/v1/directories', as, shape)
    return directories.map(({ ref, name, problem, list: listed, signature }) => ({
      ref,
      name,
      ...(listed === undefined || signature === undefined ? {} : { signed: { list: listed, signature } }),
      ...(problem === undefined ? {} : { problem }),
    }))
  }

  /** For doctors and staff. */
  async appointments(as: RequestSigner): Promise<readonly AppointmentEntry[]> {
    const shape = struct({ appointments: list(appointmentShape, { max: 65_536 }) })
    return (await this.#calls.call('GET', '/v1/appointments', as, shape)).appointments
  }

  /** For patients: `Enc(Ptk, appointment)` each, and when a doctor asked last for the permission. */
  async sealedAppointments(as: RequestSigner): Promise<readonly SealedAppointment[]> {
    const shape = struct({ appointments: list(sealedAppointmentShape, { max: 65_536 }) })
    return (await this.#calls.call('GET', '/v1/appointments', as, shape)).appointments
  }

  /** A doctor asks the patient of an appointment again for the permission; the hospital notes it once an hour. */
  remind(as: RequestSigner, appointment: AppointmentId): Promise<AppointmentEntry> {
    return this.#calls.call('POST', `/v1/appointments/${appointment}/remind`, as, appointmentShape)
  }

  /** @param envelope `Enc(Ptk, wish)`. @returns `Enc(Ptk, appointment)`. */
  async book(as: RequestSigner, envelope: Uint8Array): Promise<Uint8Array> {
    const body = { envelope: encodeBase64url(envelope) }
    return (await this.#calls.call('POST', '/v1/appointments', as, struct({ envelope: bytesText }), body)).envelope
  }

  assign(as: RequestSigner, appointment: NewAppointment): Promise<AppointmentEntry> {
    return this.#calls.call('POST', '/v1/assignments', as, appointmentShape, appointment)
  }

  recordWarrant(as: RequestSigner, envelope: Uint8Array, recording: string): Promise<LedgerReceipt> {
    return this.#calls.call('POST', '/v1/warrants', as, ledgerReceiptShape, {
      envelope: encodeBase64url(envelope),
      recording,
    })
  }

  /** @param patient only this one's. */
  async warrants(as: RequestSigner, patient?: PatientRef): Promise<readonly DeliveredWarrant[]> {
    const path = patient === undefined ? '/v1/warrants' : `/v1/warrants?patient=${patient}`
    return (await this.#calls.call('GET', path, as, struct({ warrants: list(warrantShape, { max: 65_536 }) }))).warrants
  }

  async treatmentKeys(
    as: RequestSigner,
    patient: PatientRef,
  ): Promise<readonly { readonly version: number; readonly sealed: Uint8Array }[]> {
    const shape = struct({ treatmentKeys: sealedKeys })
    return (await this.#calls.call('GET', `/v1/treatment-keys/${patient}`, as, shape)).treatmentKeys
  }

  commit(as: RequestSigner, signature: Uint8Array, items: readonly Commitment[]): Promise<CommittedPlace> {
    authorRefShape(as.ref, 'author')
    return this.#calls.call('POST', '/v1/commitments', as, placeShape, {
      signature: encodeBase64url(signature),
      items: items.map(commitmentToJson),
    })
  }

  async passChain(as: RequestSigner, chainId: ChainId, to: PractitionerRef, envelope: Uint8Array): Promise<void> {
    await this.#calls.call('POST', `/v1/chains/${chainId}`, as, okShape, { to, envelope: encodeBase64url(envelope) })
  }

  async closeChain(as: RequestSigner, chainId: ChainId): Promise<void> {
    await this.#calls.call('DELETE', `/v1/chains/${chainId}`, as, okShape)
  }

  async chains(as: RequestSigner): Promise<readonly WaitingChain[]> {
    return (await this.#calls.call('GET', '/v1/chains', as, struct({ chains: list(chainShape, { max: 1_024 }) })))
      .chains
  }

  /** Relays a patient's signed statement to the ledger, which checks the signature. */
  submitStatement(as: RequestSigner, fn: string, statement: string): Promise<LedgerReceipt> {
    return this.#calls.call('POST', '/v1/ledger/submit', as, ledgerReceiptShape, { fn, statement })
  }

  /** Endorsed answers, unverified: see `ledger-reader.ts`. */
  endorsedReads<T>(
    as: RequestSigner,
    queries: readonly { readonly fn: string; readonly args: readonly string[] }[],
    nonce: Uint8Array,
    minHeight: number | undefined,
    shape: Shape<T>,
  ): Promise<T> {
    const body = { queries, nonce: encodeBase64url(nonce), ...(minHeight === undefined ? {} : { minHeight }) }
    return this.#calls.call('POST', '/v1/ledger/endorsed-reads', as, shape, body)
  }

  /** Encoded blocks, unverified. */
  blocks<T>(as: RequestSigner, from: number, limit: number, shape: Shape<T>): Promise<T> {
    return this.#calls.call('GET', `/v1/ledger/blocks?from=${from}&limit=${limit}`, as, shape)
  }

  /** Where the versions of a record stand on the ledger: a hint, to be compared with what it points at. */
  async findRecord(as: RequestSigner, record: RecordId): Promise<readonly LedgerPlace[]> {
    return (await this.#calls.call('GET', `/v1/ledger/records/${record}`, as, placesShape)).places
  }

  /** Everything on the ledger under one patient tag. @param tag hex. */
  async findTag(as: RequestSigner, tag: string): Promise<readonly LedgerPlace[]> {
    return (await this.#calls.call('GET', `/v1/ledger/tags/${tag}`, as, placesShape)).places
  }
}
