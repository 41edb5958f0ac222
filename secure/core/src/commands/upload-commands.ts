/**
 * Storing records: one, many, a chain of doctors. Spec: docs/protocol/04-records.md §4.3 to §4.5.
 *
 * @module
 */
import { decodeUtf8, decodeBase64url, type VerifyingKey } from '../../../../shared/crypto/src/index.ts'
import { ehrTypeOf, FhirError, parseResource } from '../../../../shared/fhir/src/index.ts'
import { MAX_BATCH_ITEMS, type ParticipantRecord } from '../../../../shared/ledger-model/src/index.ts'
import {
  batchIdShape,
  bytes,
  checkChain,
  decodeChainUpload,
  decodeRecordUpload,
  list,
  literal,
  openEnvelope,
  optional,
  peekEnvelope,
  ProtocolError,
  struct,
  uint,
  type AuthorRef,
  type CborValue,
  type EnvelopeKind,
  type Kid,
  type PractitionerRef,
  type TreatmentKey,
  type UnverifiedEnvelopeHeader,
} from '../../../../shared/protocol/src/index.ts'
import type { FactNeeds, Facts } from '../facts/queries.ts'
import { refusalOf, TrustedApplicationError, type Refusal } from '../errors.ts'
import type { Patient } from '../patients.ts'
import { receiptOf } from '../records/receipt.ts'
import type { RecordRow } from '../records/record-rows.ts'
import { checkVersion, type CheckedVersion, type UploadContext } from '../records/upload-checks.ts'
import type { SaidPlace, UploadOutcome } from '../records/uploads.ts'
import type { Vault } from '../vault.ts'
import { command, patientNeeds, type Call } from './call.ts'
import { indexOf } from './participants.ts'

const MAX_MANY = 256
const envelopeShape = bytes({ min: 1, max: 8 * 1024 * 1024 })
const placeShape = struct({ batchId: batchIdShape, index: uint({ max: MAX_BATCH_ITEMS - 1 }), block: uint() })
const AUTHORS = ['practitioner', 'organization'] as const

export const UPLOAD_COMMANDS = {
  'record.store': command(
    struct({
      cmd: literal('record.store'),
      envelope: envelopeShape,
      kind: optional(literal('record')),
      place: optional(placeShape),
    }),
    {
      who: AUTHORS,
      needs: (_vault, client, { envelope, place: said }) => ({
        ...patientNeeds(client, [headerOf(envelope).patient]),
        ...leavesOf(said, 1),
      }),
      subject: (_vault, _client, { envelope }) => subjectOf([envelope]),
      run(call, { envelope, place: said }) {
        const { uploads } = call.vault
        const row = place(call, checkRecord(call, envelope))
        uploads.await(row, call.vault.now().monotonicMs, (outcome) => answerOne(call, outcome))
        if (said !== undefined) uploads.shown(row, said, call.facts)
      },
    },
  ),

  'record.store-many': command(
    struct({
      cmd: literal('record.store-many'),
      envelopes: list(envelopeShape, { min: 1, max: MAX_MANY }),
      /** Of the first; the others follow it. */
      place: optional(placeShape),
    }),
    {
      who: AUTHORS,
      needs: (_vault, client, { envelopes, place: said }) => ({
        ...patientNeeds(client, patientsOf(envelopes)),
        ...leavesOf(said, envelopes.length),
      }),
      subject: (_vault, _client, { envelopes }) => subjectOf(envelopes),
      run: storeMany,
    },
  ),

  'record.store-chain': command(struct({ cmd: literal('record.store-chain'), envelope: envelopeShape }), {
    who: ['practitioner'],
    needs: (vault, client, { envelope }) => ({
      ...patientNeeds(client, [headerOf(envelope).patient]),
      // The group may come from several hospitals.
      organizations: vault.configuration.organizations.map(({ mspId }) => mspId),
    }),
    subject: (_vault, _client, { envelope }) => subjectOf([envelope]),
    run: storeChain,
  }),

  uploads: command(struct({ cmd: literal('uploads') }), {
    who: AUTHORS,
    run: ({ reply, vault, client }) =>
      reply({
        waiting: vault.uploads.waitingOf(client.ref).map(({ recordId, sinceMs }) => ({ record: recordId, sinceMs })),
      }),
  }),
}

/** Read once for each envelope: to ask the ledger, and to open it when the ledger has answered. */
const HEADERS = new WeakMap<Uint8Array, UnverifiedEnvelopeHeader>()

function headerOf(envelope: Uint8Array): UnverifiedEnvelopeHeader {
  let header = HEADERS.get(envelope)
  if (header === undefined) {
    header = peekEnvelope(envelope)
    HEADERS.set(envelope, header)
  }
  return header
}

/** Where the author says that the commitments are, all of them from `place` on. */
function leavesOf(said: SaidPlace | undefined, count: number): Pick<FactNeeds, 'leaves'> {
  if (said === undefined) return {}
  const inBatch = Math.min(count, MAX_BATCH_ITEMS - said.index)
  return { leaves: Array.from({ length: inBatch }, (_, i) => placeAfter(said, i)) }
}

function placeAfter({ batchId, index, block }: SaidPlace, i: number): SaidPlace {
  return { batchId, index: index + i, block }
}

interface ManyUploads {
  readonly envelopes: readonly Uint8Array[]
  readonly place?: SaidPlace
}

function storeMany(call: Call, { envelopes, place: said }: ManyUploads): void {
  const { vault } = call
  // Every check before the first write: a fault in the middle leaves nothing half done.
  let newOnes = 0
  const items = envelopes.map((envelope): CheckedVersion | Refusal => {
    try {
      const checked = checkRecord(call, envelope, newOnes)
      if (checked.kind === 'new') newOnes++
      return checked
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      return refusal
    }
  })
  const staged = new Set<string>()
  const settle = gather(envelopes.length, (outcomes) => {
    call.reply(() => ({ results: outcomes.map((one) => resultOf(vault, one)) }))
  })
  for (const [i, item] of items.entries()) {
    if ('code' in item) {
      settle(i, item)
      continue
    }
    if (item.kind === 'new') {
      // The same id twice in one request: what was checked is not true any more for the second.
      const name = `${item.accepted.commitment.recordId}/${item.accepted.commitment.version}`
      if (staged.has(name)) {
        settle(i, { code: 'RECORD_ID_REUSED' })
        continue
      }
      staged.add(name)
    }
    const row = place(call, item)
    vault.uploads.await(row, vault.now().monotonicMs, (outcome) => settle(i, outcome))
    if (said !== undefined) vault.uploads.shown(row, placeAfter(said, i), call.facts)
  }
}

function storeChain(call: Call, { envelope }: { readonly envelope: Uint8Array }): void {
  const { vault, nowMs } = call
  const { context, plaintext } = openUpload(call, envelope, 'chain')
  const chain = decodeChainUpload(plaintext)
  checkChain(vault.crypto, chain, {
    patient: context.patient.ref,
    treatmentKey: context.treatmentKey,
    patientKeys: { get: (kid: Kid) => findPatientKey(call, context, kid) },
    doctorKeys: { get: (doctor) => findDoctorKey(call, doctor) },
    ehrTypeOf: readEhrType,
    nowMs,
  })
  // Who stores the chain is its last doctor.
  if (chain.links.at(-1)?.author !== call.actor.ref) throw new TrustedApplicationError('WARRANT_PARTY_MISMATCH')
  const checked = chain.links.map(({ recordId, author, ehr, salt, warrant }, i) => {
    const upload = { recordId, version: 1, author, ehr, salt, warrant, previous: new Uint8Array(0) }
    return atLink(i + 1, () => {
      checkAuthorActive(call, author, context)
      return checkVersion(vault, context, upload, chain.chainId)
    })
  })
  checkKeyVersion(context, checked)
  vault.uploads.checkRoom(call.actor.ref as AuthorRef, checked.length)
  const rows = checked.map((one) => place(call, one))
  const settle = gather(rows.length, (outcomes) => answerChain(call, outcomes))
  for (const [i, row] of rows.entries()) {
    vault.uploads.await(row, vault.now().monotonicMs, (outcome) => settle(i, outcome))
  }
}

/** Calls `done` when each of `count` has its outcome. */
function gather(
  count: number,
  done: (outcomes: readonly UploadOutcome[]) => void,
): (i: number, outcome: UploadOutcome) => void {
  const outcomes: UploadOutcome[] = []
  let open = count
  return (i, outcome) => {
    outcomes[i] = outcome
    open--
    if (open === 0) done(outcomes)
  }
}

function answerChain(call: Call, outcomes: readonly UploadOutcome[]): void {
  const rows: RecordRow[] = []
  for (const [i, outcome] of outcomes.entries()) {
    if ('code' in outcome) {
      call.refuse({ code: outcome.code, link: i + 1 })
      return
    }
    rows.push(outcome.row)
  }
  call.reply(() => {
    const all = rows.map((row) => receiptOf(call.vault, row))
    return { receipts: all.map(({ receipt }) => receipt), log: all.map(({ log }) => log) }
  })
}

function answerOne(call: Call, outcome: UploadOutcome): void {
  if ('code' in outcome) call.refuse(outcome)
  else call.reply(() => receiptOf(call.vault, outcome.row))
}

function resultOf(vault: Vault, outcome: UploadOutcome): CborValue {
  if ('code' in outcome) {
    const { code, at } = outcome as Refusal
    return { ok: false, code, ...(at === undefined ? {} : { at }) }
  }
  return { ok: true, ...receiptOf(vault, outcome.row) }
}

/** Stages what is new. */
function place({ vault, nowMs }: Call, checked: CheckedVersion): RecordRow {
  return checked.kind === 'known' ? checked.row : vault.uploads.stage(checked.accepted, nowMs)
}

/**
 * Opens one envelope of kind `record` and checks it against everything but the commitment on the ledger.
 * @param before how many of the request will be staged before it.
 */
function checkRecord(call: Call, envelope: Uint8Array, before = 0): CheckedVersion {
  const { context, plaintext } = openUpload(call, envelope, 'record')
  const upload = decodeRecordUpload(plaintext)
  call.vault.uploads.checkRoom(call.actor.ref as AuthorRef, before + 1)
  const checked = checkVersion(call.vault, context, { ...upload, author: call.actor.ref as AuthorRef }, null)
  checkKeyVersion(context, [checked])
  return checked
}

/** Nothing new under an old key: a doctor whose warrant ended has it. Repeating an old upload is not new. */
function checkKeyVersion({ patient, treatmentKey }: UploadContext, checked: readonly CheckedVersion[]): void {
  if (treatmentKey.version === patient.keyVersion || checked.every(({ kind }) => kind === 'known')) return
  throw new TrustedApplicationError('TREATMENT_KEY_VERSION')
}

/** The first refusals of §4.3: author (already checked), suspended, treatment key, envelope. */
function openUpload(
  call: Call,
  envelope: Uint8Array,
  kind: EnvelopeKind,
): { readonly context: UploadContext; readonly plaintext: Uint8Array } {
  const { vault, actor, facts, nowMs } = call
  const header = headerOf(envelope)
  const policy = facts.policyOf(header.patient)
  if (policy.suspended.some((ref) => ref === actor.ref)) throw new TrustedApplicationError('PARTICIPANT_SUSPENDED')
  const { patient, treatmentKey } = findKey(vault, header.patient, header.version)
  const plaintext = openEnvelope(vault.crypto, treatmentKey, patient.ref, kind, envelope)
  const hospitalsOf = (author: AuthorRef): readonly string[] =>
    author === actor.ref ? actor.hospitals : hospitalsOfAuthor(call, author)
  return { context: { patient, policy, treatmentKey, hospitalsOf, nowMs, reachedMs: facts.reachedMs }, plaintext }
}

function findKey(
  vault: Vault,
  ref: Patient['ref'],
  version: number,
): { readonly patient: Patient; readonly treatmentKey: TreatmentKey } {
  const patient = vault.patients.find(ref)
  const treatmentKey = patient === undefined ? undefined : vault.treatmentKeys.find(patient, version)
  if (patient === undefined || treatmentKey === undefined) throw new TrustedApplicationError('TREATMENT_KEY_UNKNOWN')
  return { patient, treatmentKey }
}

function hospitalsOfAuthor({ facts }: Call, author: string): readonly string[] {
  for (const policy of facts.organizations()) {
    const { participants, hospitals } = indexOf(policy)
    if (participants.has(author)) return hospitals
  }
  return []
}

/** Doctors of a chain other than the one who uploads. Of whom the ledger does not know, the link was refused. */
function checkAuthorActive({ facts }: Call, author: string, { policy }: UploadContext): void {
  if (findParticipant(facts, author)?.status !== 'active' || policy.suspended.some((ref) => ref === author)) {
    throw new TrustedApplicationError('PARTICIPANT_SUSPENDED')
  }
}

function findDoctorKey({ vault, facts }: Call, doctor: PractitionerRef): VerifyingKey | undefined {
  const publicKey = findParticipant(facts, doctor)?.publicKey
  return publicKey === undefined ? undefined : vault.crypto.importVerifyingKey(decodeBase64url(publicKey))
}

function findParticipant(facts: Facts, ref: string): ParticipantRecord | undefined {
  for (const policy of facts.organizations()) {
    const participant = indexOf(policy).participants.get(ref)
    if (participant !== undefined) return participant
  }
  return undefined
}

/** Any key the patient ever had: whether it may count is decided with the recorded warrant (Warrants.verify). */
function findPatientKey({ vault }: Call, { policy }: UploadContext, kid: Kid): VerifyingKey | undefined {
  const key = policy.keys.find((one) => one.kid === kid)
  return key === undefined ? undefined : vault.crypto.importVerifyingKey(decodeBase64url(key.publicKey))
}

function readEhrType(ehr: Uint8Array): string {
  try {
    return ehrTypeOf(parseResource(decodeUtf8(ehr)))
  } catch (cause) {
    if (cause instanceof FhirError || refusalOf(cause)?.code === 'CRYPTO_BAD_ENCODING') {
      throw new ProtocolError('RECORD_NOT_FHIR', 'not a FHIR R4 resource', { cause })
    }
    throw cause
  }
}

function atLink<T>(link: number, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const refusal = refusalOf(cause)
    if (refusal === undefined) throw cause
    throw new TrustedApplicationError(refusal.code, { ...refusal, link, cause })
  }
}

function patientsOf(envelopes: readonly Uint8Array[]): string[] {
  const patients = new Set<string>()
  for (const envelope of envelopes) {
    try {
      patients.add(headerOf(envelope).patient)
    } catch (error) {
      // Refused one by one, when the others are stored.
      if (refusalOf(error) === undefined) throw error
    }
  }
  return [...patients]
}

function subjectOf(envelopes: readonly Uint8Array[]): { readonly patient?: string } {
  const [patient, ...more] = patientsOf(envelopes)
  return patient === undefined || more.length > 0 ? {} : { patient }
}
