/**
 * The doctor: today's patients, the permissions that name the doctor, writing alone or in a group, emergency access.
 *
 * @module
 */
import { decodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { patientPoliciesShape, type PatientPolicy } from '../../../shared/ledger-model/src/index.ts'
import {
  batchSigningInput,
  decodeChainUpload,
  encodeChainUpload,
  isPractitionerRef,
  list,
  newRecordId,
  openEnvelope,
  parseWarrant,
  peekEnvelope,
  prepareLink,
  SALT_BYTES,
  sealEnvelope,
  startChain,
  struct,
  text,
  uint,
  type AppointmentId,
  type Chain,
  type ChainId,
  type EmergencyId,
  type PatientRef,
  type PractitionerRef,
  type RecordId,
  type Warrant,
  type WarrantId,
} from '../../../shared/protocol/src/index.ts'
import { Author } from './author.ts'
import { checkTurnChain } from './chain-check.ts'
import { ClientError, codeOf } from './errors.ts'
import type { AppointmentEntry } from './hospital-answers/visits.ts'
import { findHolding } from './holding-warrants.ts'
import { readLedger } from './ledger-reader.ts'
import type { ParticipantOptions, ReadOptions, RecordPage, RecordSearch, RecordVersion } from './participant.ts'
import { logPlaceShape, type LogPlace, type RecordAnswer } from './record-answer.ts'

/** A permission that names the doctor, opened. */
export interface HeldWarrant {
  readonly jti: WarrantId
  readonly patient: PatientRef
  readonly patientName: string
  readonly warrant: Warrant
  /** Compact JWS. */
  readonly jws: string
}

/** A group's work that waits for this doctor. */
export interface ChainTurn {
  readonly chainId: ChainId
  readonly patient: PatientRef
  readonly chain: Chain
}

export type EmergencyReason = 'unconscious' | 'danger-to-life' | 'danger-to-others' | 'other'

export interface ChainStored {
  readonly receipts: readonly string[]
  /** The place of each in the log, in the same order. */
  readonly log: readonly LogPlace[]
}

const chainStoredShape = struct({
  receipts: list(text({ max: 16_384 }), { min: 1, max: 16 }),
  log: list(logPlaceShape, { min: 1, max: 16 }),
})

const openedShape = struct({ emergency: text({ max: 34, pattern: /^e-[0-9a-f]{32}$/ }), untilMs: uint() })

/**
 * @example
 * ```ts
 * const alice = new DoctorClient(options)
 * const { jws, patient } = await alice.warrantFor(bob)
 * const stored = await alice.store({ patient, warrant: jws, ehr: encodeUtf8(JSON.stringify(observation)) })
 * console.log(stored.receipt)
 * ```
 */
export class DoctorClient extends Author {
  readonly ref: PractitionerRef
  /** Shown to the record server by this client. */
  readonly #presented = new Set<WarrantId>()

  constructor(options: ParticipantOptions) {
    super(options)
    if (options.identity.kind !== 'practitioner') throw new TypeError('the identity is not a doctor')
    this.ref = options.identity.ref as PractitionerRef
  }

  appointments(): Promise<readonly AppointmentEntry[]> {
    return this.options.hospital.appointments(this.requestSigner)
  }

  /** Asks the patient of an appointment again for the permission. */
  remind(appointment: AppointmentId): Promise<AppointmentEntry> {
    return this.options.hospital.remind(this.requestSigner, appointment)
  }

  /** Permissions that name this doctor, newest end first. */
  async warrants(): Promise<readonly HeldWarrant[]> {
    const { crypto, hospital } = this.options
    const delivered = await hospital.warrants(this.requestSigner)
    return await Promise.all(
      delivered.map(async ({ jti, patient, patientName, envelope }) => {
        const key = await this.keyring.version(patient, peekEnvelope(envelope).version)
        const jws = decodeUtf8(openEnvelope(crypto, key, patient, 'warrant', envelope))
        return { jti, patient, patientName, warrant: parseWarrant(jws).payload, jws }
      }),
    )
  }

  override list(
    patient: PatientRef,
    page: { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<RecordPage> {
    return this.#presenting(() => super.list(patient, page))
  }

  override search(search: RecordSearch): Promise<RecordPage> {
    return this.#presenting(() => super.search(search))
  }

  override read(record: RecordId, options: ReadOptions = {}): Promise<RecordAnswer> {
    return this.#presenting(() => super.read(record, options))
  }

  override versions(record: RecordId): Promise<readonly RecordVersion[]> {
    return this.#presenting(() => super.versions(record))
  }

  /**
   * The permission of a patient that ends last among those that hold now, one for every kind of record before those for
   * some; if none holds, the one that ended last, so that its use is refused with the right reason.
   * @throws {ClientError} `WARRANT_UNKNOWN` if none names this doctor.
   */
  async warrantFor(patient: PatientRef): Promise<HeldWarrant> {
    const held = (await this.warrants()).filter((one) => one.patient === patient)
    const [last] = held
    if (last === undefined) throw new ClientError('WARRANT_UNKNOWN')
    return (await findHolding(this.options, held)) ?? last
  }

  /**
   * What the ledger says now of the permissions and grants of some patients, in the order asked.
   * @param patients at most 256.
   */
  async policies(patients: readonly PatientRef[]): Promise<readonly PatientPolicy[]> {
    if (patients.length === 0) return []
    const args = [JSON.stringify(patients)]
    return (await readLedger(this.options.ledger, 'patientPolicy', args, patientPoliciesShape)).value
  }

  /** Shows the record server a permission, so that reading under it works before the first record is written. */
  async presentWarrant(jws: string): Promise<void> {
    await this.session.request('warrant.present', { warrant: jws })
    this.#presented.add(parseWarrant(jws).payload.jti)
  }

  /**
   * Begins a group's work with this doctor's part and passes it to the next doctor of the permission.
   * @returns the chain's id.
   */
  async startChain(patient: PatientRef, ehr: Uint8Array, warrant: string): Promise<ChainId> {
    const chain = startChain(this.options.crypto)
    await this.#extend({ chainId: chain.chainId, patient, chain }, ehr, warrant)
    return chain.chainId
  }

  /** Groups whose turn is this doctor's. */
  async chainTurns(): Promise<readonly ChainTurn[]> {
    const { crypto, hospital } = this.options
    const waiting = await hospital.chains(this.requestSigner)
    return await Promise.all(
      waiting.map(async ({ chainId, patient, envelope }) => {
        const key = await this.keyring.version(patient, peekEnvelope(envelope).version)
        return { chainId, patient, chain: decodeChainUpload(openEnvelope(crypto, key, patient, 'chain', envelope)) }
      }),
    )
  }

  /**
   * Checks every part that is there, before anything is shown or added. @returns the doctors of the group, in order.
   * @throws {ProtocolError} with the number of the part: `CHAIN_LINK_*`, `WARRANT_*`.
   */
  async checkTurn({ patient, chain }: ChainTurn): Promise<readonly PractitionerRef[]> {
    const { crypto, clock, ledger } = this.options
    const treatmentKey = await this.keyring.newest(patient)
    await checkTurnChain(chain, { crypto, ledger, patient, treatmentKey, nowMs: clock.nowMs() })
    return groupOf(chain)
  }

  /**
   * Adds this doctor's part. A middle doctor passes on; the last one uploads for all.
   * @returns receipts of every part when this was the last one.
   */
  addToChain(turn: ChainTurn, ehr: Uint8Array, warrant: string): Promise<ChainStored | undefined> {
    return this.#extend(turn, ehr, warrant)
  }

  /** Opens one patient's records without asking first. The patient and the hospital are told. */
  async openEmergency(
    patient: PatientRef,
    reason: EmergencyReason,
    why: string,
  ): Promise<{ readonly emergency: EmergencyId; readonly untilMs: number }> {
    const answer = openedShape(
      await this.session.request('emergency.open', { patient, reason, text: why }),
      'emergency',
    )
    return { emergency: answer.emergency as EmergencyId, untilMs: answer.untilMs }
  }

  async closeEmergency(emergency: EmergencyId): Promise<void> {
    await this.session.request('emergency.close', { emergency })
  }

  /** Does it again after showing the permissions that the record server has not seen. */
  async #presenting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== 'WARRANT_NOT_PRESENTED' || !(await this.#presentAll())) throw error
      return await work()
    }
  }

  /** @returns whether any was new. */
  async #presentAll(): Promise<boolean> {
    let isAnyNew = false
    for (const { jti, jws } of await this.warrants()) {
      if (this.#presented.has(jti)) continue
      this.#presented.add(jti)
      try {
        await this.presentWarrant(jws)
        isAnyNew = true
      } catch (error) {
        // One that has ended or was taken back is of no use; the others may be.
        if (codeOf(error) === undefined) throw error
      }
    }
    return isAnyNew
  }

  async #extend(turn: ChainTurn, ehr: Uint8Array, warrant: string): Promise<ChainStored | undefined> {
    const { crypto, clock, hospital } = this.options
    const { patient, chainId } = turn
    const treatmentKey = await this.keyring.newest(patient)
    const recordId: RecordId = newRecordId(crypto, clock.nowMs())
    const link = { recordId, author: this.ref, ehr, salt: crypto.randomBytes(SALT_BYTES), warrant }
    const prepared = prepareLink(crypto, turn.chain, { patient, treatmentKey }, link)
    const chain = prepared.withSignature(await this.identity.signer.sign(prepared.signingInput))
    const items = [prepared.commitment]
    const signature = await this.identity.signer.sign(batchSigningInput(crypto, this.ref, items))
    await hospital.commit(this.requestSigner, signature, items)
    const envelope = sealEnvelope(crypto, treatmentKey, patient, 'chain', encodeChainUpload(chain))
    const next = groupOf(chain)[chain.links.length]
    if (next !== undefined) {
      await hospital.passChain(this.requestSigner, chainId, next, envelope)
      return undefined
    }
    const stored = chainStoredShape(await this.session.request('record.store-chain', { envelope }), 'receipts')
    await hospital.closeChain(this.requestSigner, chainId)
    return stored
  }
}

/** The doctors of a chain, in order: those of its first link's warrant. */
function groupOf({ links: [first] }: Chain): readonly PractitionerRef[] {
  if (first === undefined) throw new ClientError('CHAIN_LINK_MISSING', { link: 1 })
  return parseWarrant(first.warrant).payload.doctors.filter(isPractitionerRef)
}
