/**
 * The hospital service as a client sees it: signed requests, checked answers. Answers of the hospital about its own
 * patients are believed; everything about records and permissions is proven elsewhere.
 * Spec: docs/protocol/02-registration.md §2.6; the service describes itself at /openapi.json.
 *
 * @module
 */
import {
  concat,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  label,
  type Crypto,
} from '../../../shared/crypto/src/index.ts'
import {
  appointmentIdShape,
  auditorRefShape,
  authorRefShape,
  b64u,
  batchIdShape,
  bool,
  chainIdShape,
  commitmentToJson,
  hospitalRefShape,
  isErrorCode,
  isPatientRef,
  list,
  literal,
  MAX_SIGNED_DIRECTORY_BYTES,
  mspIdShape,
  oneOf,
  optional,
  parseJson,
  participantRefShape,
  patientRefShape,
  practitionerRefShape,
  recordIdShape,
  REQUEST_SCHEME,
  requestStatement,
  struct,
  text,
  txIdShape,
  uint,
  variant,
  warrantIdShape,
  type ChainId,
  type Commitment,
  type HospitalRef,
  type Infer,
  type ParticipantRef,
  type PatientRef,
  type PractitionerRef,
  type RecordId,
  type Shape,
  type SignedDirectory,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { signWith, type Signer } from './identity.ts'
import type { Clock } from './ports.ts'

/** What of `fetch` the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ readonly status: number; text(): Promise<string> }>

export interface HospitalApiOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly fetch: Fetch
  /** Base address, without a slash at the end. */
  readonly url: string
}

/** Who signs the requests. */
export interface RequestSigner {
  readonly ref: ParticipantRef
  readonly signer: Signer
}

const MAX_ANSWER_BYTES = 64 * 2 ** 20
const bytesText: Shape<Uint8Array> = (value, where) => decodeBase64url(text({ max: 11_184_811 })(value, where))
const sealedKeys = list(struct({ version: uint({ min: 1 }), sealed: bytesText }), { max: 1_024 })
const hospitalShape = struct({ ref: hospitalRefShape, name: text({ max: 128 }) })

const registeredShape = variant('kind', {
  patient: struct({
    kind: literal('patient'),
    ref: patientRefShape,
    mspId: mspIdShape,
    hospital: hospitalShape,
    credential: text({ max: 16_384 }),
    treatmentKeys: sealedKeys,
  }),
  practitioner: struct({
    kind: literal('practitioner'),
    ref: practitionerRefShape,
    mspId: mspIdShape,
    hospital: hospitalShape,
    chain: list(bytesText, { min: 1, max: 3 }),
  }),
})
/** @useDeclaredType */
export type Registered = Infer<typeof registeredShape>

const appointmentShape = struct({
  v: literal(1),
  appointmentId: appointmentIdShape,
  patientRef: patientRefShape,
  patientName: text({ max: 128 }),
  hospital: hospitalRefShape,
  department: text({ max: 64 }),
  doctors: list(practitionerRefShape, { min: 1, max: 16 }),
  startMs: uint(),
  endMs: uint(),
  place: text({ max: 256 }),
  envelope: bytesText,
})
/** @useDeclaredType */
export type AppointmentEntry = Infer<typeof appointmentShape>

const warrantShape = struct({
  jti: warrantIdShape,
  patient: patientRefShape,
  patientName: text({ max: 128 }),
  expMs: uint(),
  envelope: bytesText,
})
/** @useDeclaredType */
export type DeliveredWarrant = Infer<typeof warrantShape>

const chainShape = struct({ chainId: chainIdShape, patient: patientRefShape, changedMs: uint(), envelope: bytesText })
/** @useDeclaredType */
export type WaitingChain = Infer<typeof chainShape>

const ledgerReceiptShape = struct({ txId: txIdShape, block: uint(), result: text({ max: 65_536 }) })
/** @useDeclaredType */
export type LedgerReceipt = Infer<typeof ledgerReceiptShape>

export const placeShape = struct({ batchId: batchIdShape, index: uint(), txId: txIdShape, block: uint() })
export type CommittedPlace = Infer<typeof placeShape>

const ledgerPlaceShape = struct({
  recordId: recordIdShape,
  version: uint({ min: 1 }),
  batchId: batchIdShape,
  index: uint({ max: 999 }),
})
/** @useDeclaredType */
export type LedgerPlace = Infer<typeof ledgerPlaceShape>
const placesShape = struct({ places: list(ledgerPlaceShape, { max: 65_536 }) })

const practitionerShape = struct({
  ref: practitionerRefShape,
  name: text({ max: 128 }),
  department: text({ max: 64 }),
})
/** @useDeclaredType */
export type DirectoryEntry = Infer<typeof practitionerShape>

const relayedDirectoryShape = struct({
  ref: hospitalRefShape,
  name: text({ max: 128 }),
  list: optional(text({ max: MAX_SIGNED_DIRECTORY_BYTES })),
  signature: optional(b64u(64)),
  problem: optional(oneOf('DIRECTORY_UNAVAILABLE', 'DIRECTORY_TOO_LARGE', 'DIRECTORY_REJECTED')),
})
export interface RelayedDirectory {
  readonly ref: HospitalRef
  readonly name: string
  readonly signed?: SignedDirectory
  readonly problem?: 'DIRECTORY_UNAVAILABLE' | 'DIRECTORY_TOO_LARGE' | 'DIRECTORY_REJECTED'
}

const patientEntryShape = struct({
  ref: patientRefShape,
  name: text({ max: 128 }),
  details: (value: unknown) => value as Readonly<Record<string, unknown>>,
  registeredMs: uint(),
  provisionedVersion: uint(),
})
/** @useDeclaredType */
export type PatientEntry = Infer<typeof patientEntryShape>

const hospitalStatusShape = struct({
  patients: uint(),
  practitioners: uint(),
  waitingCommitments: uint(),
  waitingProvisions: uint(),
  /** Records in the outbox. */
  waitingUploads: uint(),
})
/** Counts for the staff: people, and what waits for the ledger or for the record server. @useDeclaredType */
export type HospitalStatus = Infer<typeof hospitalStatusShape>

export interface InvitationRequest {
  readonly kind: 'patient' | 'practitioner' | 'staff'
  readonly name: string
  readonly department?: string
  readonly emergency?: boolean
  readonly birthDate?: string
  readonly contact?: string
  readonly identityCheckedBy?: string
  /** Staff. */
  readonly roles?: readonly StaffRole[]
  /** One more key for a member of staff who is known. */
  readonly staff?: string
}

const staffRole = oneOf('front-desk', 'records', 'technical', 'administrator')
/** @useDeclaredType */
export type StaffRole = Infer<typeof staffRole>
const staffId = text({ max: 38, pattern: /^staff-[0-9a-f]{32}$/ })
const staffMembers = { id: staffId, name: text({ max: 128 }), roles: list(staffRole, { max: 4 }) }

const staffRegisteredShape = struct({
  kind: literal('staff'),
  ref: hospitalRefShape,
  ...staffMembers,
  hospital: hospitalShape,
})
/** A member of staff signs requests as `{ ref, signer }`, in the hospital's name with an own key. @useDeclaredType */
export type StaffRegistered = Infer<typeof staffRegisteredShape>

const staffEntryShape = struct({
  ...staffMembers,
  registeredMs: uint(),
  keys: list(struct({ kid: text({ max: 43 }), label: text({ max: 40 }), addedMs: uint() }), { max: 16 }),
})
/** @useDeclaredType */
export type StaffEntry = Infer<typeof staffEntryShape>

const whoAmIShape = struct({
  role: oneOf('patient', 'practitioner', 'staff', 'auditor'),
  ref: participantRefShape,
  name: text({ max: 128 }),
  department: optional(text({ max: 64 })),
  emergency: optional(bool()),
  staff: optional(struct(staffMembers)),
  kid: text({ max: 43 }),
  sealKey: text({ max: 43 }),
})
/** @useDeclaredType */
export type WhoAmI = Infer<typeof whoAmIShape>

const codeUseShape = struct({
  purpose: oneOf('registration', 'device'),
  kind: oneOf('patient', 'practitioner', 'auditor', 'staff'),
  name: text({ max: 128 }),
})
/** What a code that somebody was given is for. @useDeclaredType */
export type CodeUse = Infer<typeof codeUseShape>

const joinedShape = variant('kind', {
  patient: struct({
    kind: literal('patient'),
    ref: patientRefShape,
    name: text({ max: 128 }),
    credential: text({ max: 16_384 }),
  }),
  practitioner: struct({
    kind: literal('practitioner'),
    ref: practitionerRefShape,
    name: text({ max: 128 }),
    handover: bytesText,
  }),
  auditor: struct({
    kind: literal('auditor'),
    ref: auditorRefShape,
    name: text({ max: 128 }),
    handover: bytesText,
  }),
  staff: struct({ kind: literal('staff'), ref: hospitalRefShape, ...staffMembers }),
})
/** What a new device gets when it was let in. @useDeclaredType */
export type Joined = Infer<typeof joinedShape>

const joinStateShape = variant('state', {
  waiting: struct({ state: literal('waiting') }),
  refused: struct({ state: literal('refused') }),
  approved: struct({ state: literal('approved'), joined: joinedShape }),
})
/** @useDeclaredType */
export type JoinState = Infer<typeof joinStateShape>

const waitingJoinShape = struct({
  id: text({ max: 32 }),
  code: text({ max: 12 }),
  expiresMs: uint(),
  publicKey: bytesText,
  sealKey: bytesText,
  label: text({ max: 40 }),
  mac: bytesText,
})
/** A device that waits for the person's yes. @useDeclaredType */
export type WaitingJoin = Infer<typeof waitingJoinShape>

const rekeyStateShape = variant('state', {
  waiting: struct({ state: literal('waiting') }),
  ready: struct({ state: literal('ready'), code: text({ max: 12 }), expiresMs: uint() }),
})
/** @useDeclaredType */
export type RekeyState = Infer<typeof rekeyStateShape>

const personShape: Shape<PatientRef | PractitionerRef> = (value, where) => {
  const ref = participantRefShape(value, where)
  return isPatientRef(ref) ? ref : practitionerRefShape(value, where)
}

const waitingRekeyShape = struct({
  person: personShape,
  name: text({ max: 128 }),
  checkedBy: text({ max: 128 }),
  sinceMs: uint(),
  isOwn: bool(),
})
/** A new key for a patient or doctor that a second member of staff must confirm; `isOwn`: the caller was the first. @useDeclaredType */
export type WaitingRekey = Infer<typeof waitingRekeyShape>

const scopesShape = list(text({ max: 256 }), { max: 256 })
const appShape = struct({
  clientId: text({ max: 64 }),
  kind: oneOf('backend', 'confidential', 'public'),
  name: text({ max: 128 }),
  scopes: scopesShape,
  redirectUris: optional(list(text({ max: 2_048 }), { max: 16 })),
  jwks: optional((value: unknown) => value as { readonly keys: readonly Readonly<Record<string, unknown>>[] }),
  jwksUri: optional(text({ max: 2_048 })),
  registeredMs: uint(),
})
/** An app that may ask for tokens (SMART App Launch 2). @useDeclaredType */
export type App = Infer<typeof appShape>
export type NewApp = Omit<App, 'clientId' | 'registeredMs'>

const appRequestShape = struct({
  code: text({ max: 12 }),
  app: struct({ clientId: text({ max: 64 }), name: text({ max: 128 }), redirectHost: text({ max: 256 }) }),
  scopes: scopesShape,
  needsPatient: bool(),
  patient: optional(struct({ ref: patientRefShape, name: text({ max: 128 }) })),
  expiresMs: uint(),
})
/** @useDeclaredType */
export type AppRequest = Infer<typeof appRequestShape>

const outboxMembers = {
  record: recordIdShape,
  version: uint({ min: 1 }),
  author: authorRefShape,
  patient: patientRefShape,
  state: oneOf('waiting', 'delivered', 'refused'),
  sinceMs: uint(),
  place: optional(placeShape),
  receipt: optional(text({ max: 16_384 })),
  code: optional(text({ max: 64 })),
}
const outboxEntryShape = struct(outboxMembers)
const outboxContentShape = struct({ ...outboxMembers, envelope: optional(bytesText) })
/** A record that the hospital keeps until it is in the patient's record; `place`: its fingerprint is on the ledger. @useDeclaredType */
export type OutboxEntry = Infer<typeof outboxEntryShape>

const eraseRequestShape = struct({
  id: text({ max: 34 }),
  patient: patientRefShape,
  record: recordIdShape,
  resourceType: text({ max: 64 }),
  resourceId: text({ max: 64 }),
  by: text({ max: 128 }),
  byName: optional(text({ max: 256 })),
  reason: optional(text({ max: 256 })),
  askedMs: uint(),
  state: oneOf('requested', 'kept', 'cancelled', 'erased'),
  answeredMs: optional(uint()),
})
/** A record that the hospital took out of its own use and asks the patient to destroy. @useDeclaredType */
export type EraseRequest = Infer<typeof eraseRequestShape>

const down = struct({ state: literal('down'), code: text({ max: 64 }) })
const outboxShape = struct({ waiting: uint(), oldestMs: optional(uint()) })
const summaryShape = struct({
  today: struct({
    booked: uint(),
    permissionsMissing: uint(),
    /** Absent: the record server does not say. */
    emergenciesToReview: optional(uint()),
    /** Of patients, without an answer. */
    questionsWaiting: uint(),
    uploadsWaiting: uint(),
  }),
  recordServer: variant('state', {
    up: struct({ state: literal('up'), tee: text({ max: 32 }), simulated: bool(), measurement: text({ max: 64 }) }),
    down,
  }),
  ledger: variant('state', {
    up: struct({ state: literal('up'), height: uint(), blockMs: uint(), organizations: uint() }),
    down,
  }),
  outbox: outboxShape,
  certificates: list(
    struct({
      ref: text({ max: 34 }),
      name: text({ max: 128 }),
      kind: oneOf('service', 'practitioner'),
      notAfterMs: uint(),
    }),
    { max: 65_536 },
  ),
  registered: struct({ patients: uint(), practitioners: uint(), staff: uint() }),
})
/** Today's work, the parts, what waits, certificates that end within 60 days. @useDeclaredType */
export type HospitalSummary = Infer<typeof summaryShape>

const verdictShape = oneOf('justified', 'follow-up', 'misuse')
/** @useDeclaredType */
export type Verdict = Infer<typeof verdictShape>
const reviewedEmergencyShape = struct({
  emergency: text({ max: 34 }),
  patient: patientRefShape,
  doctor: text({ max: 34 }),
  doctorName: optional(text({ max: 256 })),
  place: optional(text({ max: 256 })),
  reason: text({ max: 32 }),
  text: text({ max: 2_048 }),
  openedMs: uint(),
  untilMs: uint(),
  closedMs: optional(uint()),
  open: bool(),
  logIndex: uint(),
  review: optional(
    struct({
      emergency: text({ max: 34 }),
      verdict: verdictShape,
      note: text({ max: 2_048 }),
      by: text({ max: 128 }),
      timeMs: uint(),
      /** Ledger transaction of the report of misuse. */
      reportTx: optional(text({ max: 64 })),
    }),
  ),
})
/** @useDeclaredType */
export type ReviewedEmergency = Infer<typeof reviewedEmergencyShape>

const questionShape = struct({
  id: text({ max: 34 }),
  patient: patientRefShape,
  /** `report`: the patient thinks that it was misuse. */
  kind: oneOf('question', 'report'),
  /** An entry of the access log by its number, an emergency access or a record by its id. */
  about: struct({ kind: oneOf('access', 'emergency', 'record'), id: text({ max: 40 }) }),
  text: text({ max: 2_048 }),
  askedMs: uint(),
  answer: optional(struct({ text: text({ max: 2_048 }), by: text({ max: 128 }), timeMs: uint() })),
  /** What staff found of the emergency access. */
  review: optional(struct({ verdict: verdictShape, timeMs: uint(), reportTx: optional(text({ max: 64 })) })),
})
/** What a patient asked the hospital, and its answer. @useDeclaredType */
export type AskedQuestion = Infer<typeof questionShape>
export type NewQuestion = Pick<AskedQuestion, 'kind' | 'about' | 'text'>

export interface NewAppointment {
  readonly patient: PatientRef
  readonly department: string
  readonly fromMs: number
  readonly symptoms: string
  readonly aux: string
  readonly doctors: readonly PractitionerRef[]
}

const REGISTRATION = label('registration')
const EMPTY = new Uint8Array()

const mspIds = list(text({ max: 32 }), { max: 64 })
const recoveryShareShape = struct({ number: uint(), timeMs: uint(), threshold: uint(), holders: mspIds })
/** A recovery share that a hospital keeps: of which set, and how many of it give the key. @useDeclaredType */
export type RecoveryShareHeld = Infer<typeof recoveryShareShape>
const recoveryGivenShape = struct({ instance: text({ max: 64 }), given: mspIds, threshold: uint(), isComplete: bool() })
/** What came of giving a recovery share: to which instance, and which organisations have given theirs. @useDeclaredType */
export type RecoveryShareGiven = Infer<typeof recoveryGivenShape>

export class HospitalApi {
  readonly url: string
  readonly #options: HospitalApiOptions

  constructor(options: HospitalApiOptions) {
    this.#options = options
    this.url = options.url
  }

  about(): Promise<{ readonly ref: string; readonly name: string; readonly mspId: string }> {
    return this.#call('GET', '/v1/hospital', undefined, struct({ ...hospitalMembers, mspId: mspIdShape }))
  }

  status(as: RequestSigner): Promise<HospitalStatus> {
    return this.#call('GET', '/v1/status', as, hospitalStatusShape)
  }

  invite(
    as: RequestSigner,
    invitation: InvitationRequest,
  ): Promise<{ readonly code: string; readonly expiresMs: number }> {
    return this.#call('POST', '/v1/invitations', as, struct({ code: text({ max: 12 }), expiresMs: uint() }), invitation)
  }

  /** Proves the new key and uses the code up. */
  async register(code: string, device: string, signer: Signer, sealKey: Uint8Array): Promise<Registered> {
    const input = concat(REGISTRATION, signer.publicKey, sealKey, encodeUtf8(code))
    return await this.#call('POST', '/v1/registrations', undefined, registeredShape, {
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
    return await this.#call('POST', '/v1/staff/registrations', undefined, staffRegisteredShape, {
      code,
      publicKey: encodeBase64url(signer.publicKey),
      sealKey: encodeBase64url(sealKey),
      label: device,
      proof: encodeBase64url(await signer.sign(input)),
    })
  }

  whoAmI(as: RequestSigner): Promise<WhoAmI> {
    return this.#call('GET', '/v1/whoami', as, whoAmIShape)
  }

  async staff(as: RequestSigner): Promise<readonly StaffEntry[]> {
    return (await this.#call('GET', '/v1/staff', as, struct({ staff: list(staffEntryShape, { max: 65_536 }) }))).staff
  }

  async removeStaffKey(as: RequestSigner, id: string, kid: string): Promise<void> {
    await this.#call('DELETE', `/v1/staff/${id}/keys/${kid}`, as, okShape)
  }

  /** What a code is for. @throws {ClientError} `INVITATION_UNKNOWN` */
  codeUse(code: string): Promise<CodeUse> {
    return this.#call('POST', '/v1/codes', undefined, codeUseShape, { code })
  }

  /** A code with which one more device of the caller can ask to join: see device-join.ts. */
  createDeviceLink(
    as: RequestSigner,
    ttlSeconds?: number,
  ): Promise<{ readonly code: string; readonly expiresMs: number }> {
    const body = ttlSeconds === undefined ? {} : { ttlSeconds }
    return this.#call('POST', '/v1/devices/links', as, struct({ code: text({ max: 12 }), expiresMs: uint() }), body)
  }

  join(request: {
    readonly code: string
    readonly publicKey: string
    readonly sealKey: string
    readonly label: string
    readonly mac: string
    readonly proof: string
  }): Promise<JoinState> {
    return this.#call('POST', '/v1/devices/joins', undefined, joinStateShape, request)
  }

  async waitingJoins(as: RequestSigner): Promise<readonly WaitingJoin[]> {
    return (await this.#call('GET', '/v1/devices/joins', as, struct({ joins: list(waitingJoinShape, { max: 64 }) })))
      .joins
  }

  async approveJoin(as: RequestSigner, id: string, handover?: Uint8Array): Promise<void> {
    const body = handover === undefined ? {} : { handover: encodeBase64url(handover) }
    await this.#call('POST', `/v1/devices/joins/${id}/approve`, as, okShape, body)
  }

  async refuseJoin(as: RequestSigner, id: string): Promise<void> {
    await this.#call('POST', `/v1/devices/joins/${id}/refuse`, as, okShape, {})
  }

  /** Staff have checked who the patient or doctor is; the second one gets the code for the new device. */
  confirmRekey(as: RequestSigner, person: PatientRef | PractitionerRef): Promise<RekeyState> {
    const kind = isPatientRef(person) ? 'patients' : 'practitioners'
    return this.#call('POST', `/v1/${kind}/${person}/rekeys`, as, rekeyStateShape, {})
  }

  async waitingRekeys(as: RequestSigner): Promise<readonly WaitingRekey[]> {
    const shape = struct({ rekeys: list(waitingRekeyShape, { max: 65_536 }) })
    return (await this.#call('GET', '/v1/rekeys', as, shape)).rekeys
  }

  /** The next version of a treatment key; `provisionedVersion`: the newest that the record server has. */
  rotateTreatmentKey(
    as: RequestSigner,
    patient: PatientRef,
  ): Promise<{ readonly version: number; readonly provisionedVersion: number }> {
    const shape = struct({ version: uint({ min: 1 }), provisionedVersion: uint() })
    return this.#call('POST', `/v1/patients/${patient}/treatment-key`, as, shape, {})
  }

  async renewCredential(as: RequestSigner): Promise<string> {
    return (await this.#call('POST', '/v1/credentials', as, struct({ credential: text({ max: 16_384 }) }), {}))
      .credential
  }

  /** A doctor's certificate for the registered key, DER, leaf first: the old one while it lasts for more than a month. */
  async renewCertificate(as: RequestSigner): Promise<readonly Uint8Array[]> {
    const shape = struct({ chain: list(bytesText, { min: 1, max: 3 }) })
    return (await this.#call('POST', '/v1/credentials', as, shape, {})).chain
  }

  /** The staff's first screen. */
  summary(as: RequestSigner): Promise<HospitalSummary> {
    return this.#call('GET', '/v1/summary', as, summaryShape)
  }

  /** Emergency accesses of the hospital's patients, with the newest verdict of staff. */
  async reviewedEmergencies(as: RequestSigner): Promise<readonly ReviewedEmergency[]> {
    const shape = struct({ emergencies: list(reviewedEmergencyShape, { max: 1_000 }) })
    return (await this.#call('GET', '/v1/emergencies', as, shape)).emergencies
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
    return (await this.#call('POST', `/v1/emergencies/${emergency}/reviews`, as, shape, body)).reportTx
  }

  /** Patients: asks the hospital, or reports misuse to it; it has it when this resolves. @throws `HTTP_RATE_LIMITED` */
  ask(as: RequestSigner, question: NewQuestion): Promise<AskedQuestion> {
    return this.#call('POST', '/v1/questions', as, questionShape, question)
  }

  /** Newest first: the patient's own; for staff everybody's. */
  async questions(as: RequestSigner): Promise<readonly AskedQuestion[]> {
    const shape = struct({ questions: list(questionShape, { max: 1_000 }) })
    return (await this.#call('GET', '/v1/questions', as, shape)).questions
  }

  /** Staff: once. */
  async answerQuestion(as: RequestSigner, id: string, answer: string): Promise<void> {
    await this.#call('POST', `/v1/questions/${id}/answer`, as, okShape, { text: answer })
  }

  /** Staff register an app or a backend service. @throws {ClientError} `HTTP_BAD_REQUEST` */
  registerApp(as: RequestSigner, app: NewApp): Promise<App> {
    return this.#call('POST', '/v1/apps', as, appShape, app)
  }

  async apps(as: RequestSigner): Promise<readonly App[]> {
    return (await this.#call('GET', '/v1/apps', as, struct({ apps: list(appShape, { max: 65_536 }) }))).apps
  }

  /** Its tokens end with it. */
  async removeApp(as: RequestSigner, clientId: string): Promise<void> {
    await this.#call('DELETE', `/v1/apps/${clientId}`, as, okShape)
  }

  /** Staff: recovery shares of the record server's key that this hospital keeps, newest first. */
  async recoveryShares(as: RequestSigner): Promise<readonly RecoveryShareHeld[]> {
    const shape = struct({ shares: list(recoveryShareShape, { max: 16 }) })
    return (await this.#call('GET', '/v1/recovery', as, shape)).shares
  }

  /** Staff: gives the hospital's recovery share to the device that the organisations voted for. @throws {ClientError} */
  giveRecoveryShare(as: RequestSigner, url?: string): Promise<RecoveryShareGiven> {
    const body = url === undefined ? {} : { url }
    return this.#call('POST', '/v1/recovery/give', as, recoveryGivenShape, body)
  }

  /** What the app asks for that shows this code. @throws {ClientError} `INVITATION_UNKNOWN` */
  /** A patient: what this hospital asks to be destroyed; staff: of everybody. Newest first. */
  async eraseRequests(as: RequestSigner): Promise<readonly EraseRequest[]> {
    const shape = struct({ requests: list(eraseRequestShape, { max: 100_000 }) })
    return (await this.#call('GET', '/v1/erase-requests', as, shape)).requests
  }

  /**
   * The patient's answer: `kept`, or `erased` after `PatientClient.erase`.
   * @returns state `requested` still where the record server has the record.
   */
  answerEraseRequest(as: RequestSigner, id: string, answer: 'erased' | 'kept'): Promise<EraseRequest> {
    return this.#call('POST', `/v1/erase-requests/${id}`, as, eraseRequestShape, { answer })
  }

  appRequest(as: RequestSigner, code: string): Promise<AppRequest> {
    return this.#call('POST', '/v1/apps/requests', as, appRequestShape, { code })
  }

  /** Yes or no to an app; `scopes`: some of what it asked for; `patient`: where it needs one. */
  async decideApp(
    as: RequestSigner,
    code: string,
    decision: 'approve' | 'refuse',
    chosen: { readonly scopes?: readonly string[]; readonly patient?: PatientRef } = {},
  ): Promise<void> {
    await this.#call('POST', `/v1/apps/requests/${code}`, as, okShape, { decision, ...chosen })
  }

  /** For starting an app out of a patient's file: parameters `launch` and `iss` of its launch address. */
  launchApp(as: RequestSigner, patient: PatientRef): Promise<{ readonly launch: string; readonly iss: string }> {
    const shape = struct({ launch: text({ max: 64 }), iss: text({ max: 2_048 }) })
    return this.#call('POST', '/v1/apps/launches', as, shape, { patient })
  }

  /** Leaves a record that cannot be delivered now in the hospital's encrypted outbox; durable when this resolves. */
  keep(as: RequestSigner, signature: Uint8Array, item: Commitment, envelope: Uint8Array): Promise<OutboxEntry> {
    return this.#call('POST', '/v1/outbox', as, outboxEntryShape, {
      signature: encodeBase64url(signature),
      item: commitmentToJson(item),
      envelope: encodeBase64url(envelope),
    })
  }

  /** What waits: the caller's own; of the hospital, for staff. */
  async outbox(as: RequestSigner): Promise<readonly OutboxEntry[]> {
    const counts = struct({ waiting: uint(), refused: uint(), oldestMs: optional(uint()) })
    const shape = struct({ entries: list(outboxEntryShape, { max: 65_536 }), counts: optional(counts) })
    return (await this.#call('GET', '/v1/outbox', as, shape)).entries
  }

  /** `C_P` of a record that waits; undefined: it was delivered. */
  async keptEnvelope(as: RequestSigner, record: RecordId, version: number): Promise<Uint8Array | undefined> {
    return (await this.#call('GET', `/v1/outbox/${record}/${version}`, as, outboxContentShape)).envelope
  }

  async keptDelivered(as: RequestSigner, record: RecordId, version: number, receipt: string): Promise<void> {
    await this.#call('POST', `/v1/outbox/${record}/${version}/delivered`, as, okShape, { receipt })
  }

  /** Gives up what was refused. */
  async dropKept(as: RequestSigner, record: RecordId, version: number): Promise<void> {
    await this.#call('DELETE', `/v1/outbox/${record}/${version}`, as, okShape)
  }

  /** A copy of the hospital's store, encrypted under its key, on the hospital's own disk. */
  makeBackup(as: RequestSigner): Promise<{ readonly file: string; readonly bytes: number; readonly sha256: string }> {
    const shape = struct({ file: text({ max: 64 }), bytes: uint(), sha256: text({ max: 64 }) })
    return this.#call('POST', '/v1/backups', as, shape, {})
  }

  /** Names of the copies, newest first. */
  async backups(as: RequestSigner): Promise<readonly string[]> {
    const shape = struct({ backups: list(text({ max: 64 }), { max: 65_536 }) })
    return (await this.#call('GET', '/v1/backups', as, shape)).backups
  }

  async patients(as: RequestSigner): Promise<readonly PatientEntry[]> {
    return (await this.#call('GET', '/v1/patients', as, struct({ patients: list(patientEntryShape, { max: 65_536 }) })))
      .patients
  }

  async practitioners(as: RequestSigner): Promise<readonly DirectoryEntry[]> {
    const shape = struct({ practitioners: list(practitionerShape, { max: 65_536 }) })
    return (await this.#call('GET', '/v1/practitioners', as, shape)).practitioners
  }

  /** Lists of other hospitals' doctors as they came: see `readDirectories`. */
  async directories(as: RequestSigner): Promise<readonly RelayedDirectory[]> {
    const shape = struct({ directories: list(relayedDirectoryShape, { max: 64 }) })
    const { directories } = await this.#call('GET', '/v1/directories', as, shape)
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
    return (await this.#call('GET', '/v1/appointments', as, shape)).appointments
  }

  /** For patients: `Enc(Ptk, appointment)` each. */
  async sealedAppointments(as: RequestSigner): Promise<readonly Uint8Array[]> {
    const one = struct({ appointmentId: appointmentIdShape, envelope: bytesText })
    const shape = struct({ appointments: list(one, { max: 65_536 }) })
    return (await this.#call('GET', '/v1/appointments', as, shape)).appointments.map(({ envelope }) => envelope)
  }

  /** @param envelope `Enc(Ptk, wish)`. @returns `Enc(Ptk, appointment)`. */
  async book(as: RequestSigner, envelope: Uint8Array): Promise<Uint8Array> {
    const body = { envelope: encodeBase64url(envelope) }
    return (await this.#call('POST', '/v1/appointments', as, struct({ envelope: bytesText }), body)).envelope
  }

  assign(as: RequestSigner, appointment: NewAppointment): Promise<AppointmentEntry> {
    return this.#call('POST', '/v1/assignments', as, appointmentShape, appointment)
  }

  recordWarrant(as: RequestSigner, envelope: Uint8Array, recording: string): Promise<LedgerReceipt> {
    return this.#call('POST', '/v1/warrants', as, ledgerReceiptShape, {
      envelope: encodeBase64url(envelope),
      recording,
    })
  }

  /** @param patient only this one's. */
  async warrants(as: RequestSigner, patient?: PatientRef): Promise<readonly DeliveredWarrant[]> {
    const path = patient === undefined ? '/v1/warrants' : `/v1/warrants?patient=${patient}`
    return (await this.#call('GET', path, as, struct({ warrants: list(warrantShape, { max: 65_536 }) }))).warrants
  }

  async treatmentKeys(
    as: RequestSigner,
    patient: PatientRef,
  ): Promise<readonly { readonly version: number; readonly sealed: Uint8Array }[]> {
    const shape = struct({ treatmentKeys: sealedKeys })
    return (await this.#call('GET', `/v1/treatment-keys/${patient}`, as, shape)).treatmentKeys
  }

  commit(as: RequestSigner, signature: Uint8Array, items: readonly Commitment[]): Promise<CommittedPlace> {
    authorRefShape(as.ref, 'author')
    return this.#call('POST', '/v1/commitments', as, placeShape, {
      signature: encodeBase64url(signature),
      items: items.map(commitmentToJson),
    })
  }

  async passChain(as: RequestSigner, chainId: ChainId, to: PractitionerRef, envelope: Uint8Array): Promise<void> {
    await this.#call('POST', `/v1/chains/${chainId}`, as, okShape, { to, envelope: encodeBase64url(envelope) })
  }

  async closeChain(as: RequestSigner, chainId: ChainId): Promise<void> {
    await this.#call('DELETE', `/v1/chains/${chainId}`, as, okShape)
  }

  async chains(as: RequestSigner): Promise<readonly WaitingChain[]> {
    return (await this.#call('GET', '/v1/chains', as, struct({ chains: list(chainShape, { max: 1_024 }) }))).chains
  }

  /** Relays a patient's signed statement to the ledger, which checks the signature. */
  submitStatement(as: RequestSigner, fn: string, statement: string): Promise<LedgerReceipt> {
    return this.#call('POST', '/v1/ledger/submit', as, ledgerReceiptShape, { fn, statement })
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
    return this.#call('POST', '/v1/ledger/endorsed-reads', as, shape, body)
  }

  /** Encoded blocks, unverified. */
  blocks<T>(as: RequestSigner, from: number, limit: number, shape: Shape<T>): Promise<T> {
    return this.#call('GET', `/v1/ledger/blocks?from=${from}&limit=${limit}`, as, shape)
  }

  /** Where the versions of a record stand on the ledger: a hint, to be compared with what it points at. */
  async findRecord(as: RequestSigner, record: RecordId): Promise<readonly LedgerPlace[]> {
    return (await this.#call('GET', `/v1/ledger/records/${record}`, as, placesShape)).places
  }

  /** Everything on the ledger under one patient tag. @param tag hex. */
  async findTag(as: RequestSigner, tag: string): Promise<readonly LedgerPlace[]> {
    return (await this.#call('GET', `/v1/ledger/tags/${tag}`, as, placesShape)).places
  }

  async #call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    as: RequestSigner | undefined,
    shape: Shape<T>,
    body?: object,
  ): Promise<T> {
    const bodyText = body === undefined ? undefined : JSON.stringify(body)
    const headers: Record<string, string> = {}
    if (bodyText !== undefined) headers['content-type'] = 'application/json'
    if (as !== undefined) {
      const { crypto, clock } = this.#options
      headers['authorization'] = await authorizationOf(crypto, clock, as, method, path, bodyText)
    }
    const { status, answer } = await this.#fetch(method, path, headers, bodyText)
    if (status === 200) return shape(parseAnswer(answer), 'answer of the hospital')
    throw refusalOf(answer)
  }

  async #fetch(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<{ status: number; answer: string }> {
    try {
      const response = await this.#options.fetch(this.url + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      return { status: response.status, answer: await response.text() }
    } catch (cause) {
      throw new ClientError('SERVER_UNAVAILABLE', { cause })
    }
  }
}

/** The header that says who asks, for what, with which body. */
export async function authorizationOf(
  crypto: Crypto,
  clock: Clock,
  as: RequestSigner,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: string,
): Promise<string> {
  const bytes = body === undefined ? EMPTY : encodeUtf8(body)
  const payload = requestStatement(crypto, { iss: as.ref, method, path }, bytes, clock.nowMs())
  return `${REQUEST_SCHEME} ${await signWith(as.signer, 'trusthealth-request+jwt', payload)}`
}

const hospitalMembers = { ref: hospitalRefShape, name: text({ max: 128 }) }
const okShape = struct({ ok: literal(true) })

function parseAnswer(answer: string): unknown {
  try {
    return parseJson(answer, { maxBytes: MAX_ANSWER_BYTES })
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause })
  }
}

function refusalOf(answer: string): ClientError {
  const parsed = parseAnswer(answer)
  const code = typeof parsed === 'object' && parsed !== null && 'code' in parsed ? parsed.code : undefined
  return new ClientError(isErrorCode(code) ? code : 'SERVER_UNAVAILABLE')
}
