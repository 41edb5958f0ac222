/**
 * The patient: own records, own permissions, own keys. Everything that gives or takes access is signed by the
 * patient's key here and takes effect on the ledger.
 *
 * @module
 */
import { decodeUtf8, encodeBase64url, encodeHex, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  grantsPageShape,
  patientKeysShape,
  patientPolicyShape,
  type GrantRecord,
  type PatientKey,
  type PatientPolicy,
  type WarrantEntry,
} from '../../../shared/ledger-model/src/index.ts'
import {
  kidOf,
  list,
  newId,
  openAppointment,
  openEnvelope,
  patientTag,
  peekEnvelope,
  prepareGrant,
  prepareKeyStatement,
  prepareRevocation,
  prepareWarrant,
  prepareWarrantRecord,
  sealAppointmentWish,
  sealEnvelope,
  type Appointment,
  type AppointmentWish,
  type AuthorRef,
  type Grant,
  type GrantId,
  type HospitalRef,
  type KeyStatement,
  type Kid,
  type ParticipantRef,
  type PatientRef,
  type Purpose,
  type RecordId,
  type UnsignedStatement,
  type Warrant,
  type WarrantId,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import type { LedgerPlace, LedgerReceipt } from './hospital-answers/ledger.ts'
import type { EraseRequest } from './hospital-answers/outbox.ts'
import { readLedger } from './ledger-reader.ts'
import { Participant, type ParticipantOptions, type ReadOptions, type RecordPage } from './participant.ts'
import type { RecordAnswer } from './record-answer.ts'

export interface WarrantTerms {
  /** In the order of a chain; may name the hospital itself. */
  readonly doctors: readonly AuthorRef[]
  readonly hospital: HospitalRef
  readonly fromMs: number
  readonly untilMs: number
  /** Kinds of records; `['*']` for all. */
  readonly scope: readonly string[]
  readonly aux?: string
}

export interface IssuedWarrant extends LedgerReceipt {
  readonly jti: WarrantId
  /** Compact JWS. */
  readonly warrant: string
}

export interface AccessTerms {
  readonly grantee: ParticipantRef
  readonly scope: readonly string[]
  /** Empty or absent: all that scope and dates allow. */
  readonly records?: readonly RecordId[]
  /** Records that are kept back; only where no records are named. */
  readonly except?: readonly RecordId[]
  /** Clinical dates; absent: open. */
  readonly datesFromMs?: number
  readonly datesToMs?: number
  readonly purpose?: Purpose
  readonly fromMs?: number
  readonly untilMs: number
}

/**
 * @example
 * ```ts
 * const bob = new PatientClient(options)
 * const { items } = await bob.records()
 * const report = await bob.verify(await bob.read(items[0].record))
 * console.log(sealOf(report, clock).word)
 * ```
 */
export class PatientClient extends Participant {
  readonly ref: PatientRef

  constructor(options: ParticipantOptions) {
    super(options)
    if (options.identity.kind !== 'patient') throw new TypeError('the identity is not a patient')
    this.ref = options.identity.ref as PatientRef
  }

  records(page: { readonly cursor?: string; readonly limit?: number } = {}): Promise<RecordPage> {
    return this.list(this.ref, page)
  }

  override read(record: RecordId, options: ReadOptions = {}): Promise<RecordAnswer> {
    return super.read(record, { purpose: 'PATRQT', ...options })
  }

  /** Books with wishes and symptoms that only the hospital can read. */
  async book(wish: Omit<AppointmentWish, 'v' | 'patientRef'>): Promise<Appointment> {
    const { crypto, hospital } = this.options
    const key = await this.keyring.newest(this.ref)
    const sealed = sealAppointmentWish(crypto, key, { v: 1, patientRef: this.ref, ...wish })
    return await this.#openAppointment(await hospital.book(this.requestSigner, sealed))
  }

  /** `remindedMs`: when a doctor asked last for the permission, by the hospital. */
  async appointments(): Promise<readonly (Appointment & { readonly remindedMs?: number })[]> {
    const sealed = await this.options.hospital.sealedAppointments(this.requestSigner)
    return await Promise.all(
      sealed.map(async ({ envelope, remindedMs }) => ({
        ...(await this.#openAppointment(envelope)),
        ...(remindedMs === undefined ? {} : { remindedMs }),
      })),
    )
  }

  /** Signs a permission for an appointment, sends it to the hospital and waits until the ledger has it. */
  async issueWarrant(terms: WarrantTerms): Promise<IssuedWarrant> {
    const { crypto, hospital } = this.options
    const warrant: Warrant = {
      jti: newId(crypto, 'w'),
      iss: this.ref,
      doctors: terms.doctors,
      hospital: terms.hospital,
      nbf: Math.floor(terms.fromMs / 1000),
      exp: Math.ceil(terms.untilMs / 1000),
      scope: terms.scope as Warrant['scope'],
      aux: terms.aux ?? '',
    }
    const { kid } = this.identity.signer
    const jws = await this.#sign(prepareWarrant(kid, warrant))
    const recording = await this.#sign(prepareWarrantRecord(crypto, kid, jws))
    const key = await this.keyring.newest(this.ref)
    const envelope = sealEnvelope(crypto, key, this.ref, 'warrant', encodeUtf8(jws))
    const receipt = await hospital.recordWarrant(this.requestSigner, envelope, recording)
    return { ...receipt, jti: warrant.jti, warrant: jws }
  }

  /** Takes a permission back. Resolves when the ledger has it: from the next request on it is refused. */
  revokeWarrant(target: WarrantId): Promise<LedgerReceipt> {
    return this.#revoke('revokeWarrant', target)
  }

  /** Full texts of the permissions that the hospital keeps for this patient. */
  async warrants(): Promise<readonly { readonly jti: WarrantId; readonly expMs: number; readonly warrant: string }[]> {
    const { crypto, hospital } = this.options
    const delivered = await hospital.warrants(this.requestSigner)
    return await Promise.all(
      delivered.map(async ({ jti, expMs, envelope }) => {
        const key = await this.keyring.version(this.ref, peekEnvelope(envelope).version)
        return { jti, expMs, warrant: decodeUtf8(openEnvelope(crypto, key, this.ref, 'warrant', envelope)) }
      }),
    )
  }

  /** Gives access. Resolves when the ledger has it. */
  async giveAccess(terms: AccessTerms): Promise<LedgerReceipt & { readonly jti: GrantId }> {
    const { crypto, clock, hospital } = this.options
    const grant: Grant = {
      jti: newId(crypto, 'g'),
      iss: this.ref,
      grantee: terms.grantee,
      scope: terms.scope as Grant['scope'],
      records: terms.records ?? [],
      ...(terms.except === undefined || terms.except.length === 0 ? {} : { except: terms.except }),
      fromMs: terms.datesFromMs ?? 0,
      toMs: terms.datesToMs ?? 0,
      purpose: terms.purpose ?? 'TREAT',
      nbf: Math.floor((terms.fromMs ?? clock.nowMs()) / 1000),
      exp: Math.ceil(terms.untilMs / 1000),
    }
    const statement = await this.#sign(prepareGrant(this.identity.signer.kid, grant))
    return { ...(await hospital.submitStatement(this.requestSigner, 'grant', statement)), jti: grant.jti }
  }

  /** Takes access back. Resolves when the ledger has it: from the next request on it is refused. */
  takeBack(target: GrantId): Promise<LedgerReceipt> {
    return this.#revoke('revokeGrant', target)
  }

  /** Access that was given, from the ledger. */
  async grants(): Promise<readonly GrantRecord[]> {
    const items: GrantRecord[] = []
    let bookmark = ''
    do {
      const { value } = await readLedger(this.options.ledger, 'grantsOf', [this.ref, bookmark], grantsPageShape)
      items.push(...value.items)
      bookmark = value.bookmark
    } while (bookmark !== '')
    return items
  }

  /** Who may do what now, from the ledger. */
  async policy(): Promise<PatientPolicy> {
    const shape = list(patientPolicyShape, { min: 1, max: 1 })
    const { value } = await readLedger(this.options.ledger, 'patientPolicy', [JSON.stringify([this.ref])], shape)
    const [policy] = value
    if (policy === undefined) throw new ClientError('PATIENT_NOT_FOUND')
    return policy
  }

  async recordedWarrants(): Promise<readonly WarrantEntry[]> {
    return (await this.policy()).warrants
  }

  /** Keys of this patient, the removed ones too, from the ledger. */
  async keys(): Promise<readonly PatientKey[]> {
    return (await readLedger(this.options.ledger, 'keysOf', [this.ref], patientKeysShape)).value.keys
  }

  /** Registers another device or the recovery key. */
  async addKey(key: {
    readonly publicKey: Uint8Array
    readonly sealKey: Uint8Array
    readonly label: string
    readonly kind: 'device' | 'recovery'
  }): Promise<LedgerReceipt> {
    return await this.#keyStatement('addKey', {
      ...this.#keyStatementBase(kidOf(this.options.crypto, key.publicKey)),
      action: 'add',
      publicKey: encodeBase64url(key.publicKey),
      sealKey: encodeBase64url(key.sealKey),
      label: key.label,
      kind: key.kind,
    })
  }

  /** It cannot open anything from the next request on. */
  async removeKey(kid: Kid): Promise<LedgerReceipt> {
    return await this.#keyStatement('removeKey', { ...this.#keyStatementBase(kid), action: 'remove' })
  }

  /**
   * Destroys a record's key for good.
   * @param confirm 32 bytes, the fingerprint of its newest version: whoever asks has seen which record it is.
   */
  async erase(record: RecordId, confirm: Uint8Array): Promise<void> {
    await this.session.request('record.erase', { record, confirm })
  }

  /** What the hospital took out of its own use and asks to be destroyed. */
  async eraseRequests(): Promise<readonly EraseRequest[]> {
    return await this.options.hospital.eraseRequests(this.requestSigner)
  }

  /** Agrees: erases the newest version and all before it, and tells the hospital. Cannot be undone. */
  async eraseAsked({ id, record }: Pick<EraseRequest, 'id' | 'record'>): Promise<EraseRequest> {
    const newest = (await this.versions(record)).at(-1)
    if (newest !== undefined && newest.erasedMs === undefined) await this.erase(record, newest.ehrHash)
    return await this.options.hospital.answerEraseRequest(this.requestSigner, id, 'erased')
  }

  /** What of it still waits for an answer. */
  async openEraseRequests(): Promise<readonly EraseRequest[]> {
    return (await this.eraseRequests()).filter(({ state }) => state === 'requested')
  }

  /** A record is destroyed already: a hospital that asked for it learns so. One that cannot be told sees it when it reads. */
  async tellErased(record: RecordId): Promise<void> {
    try {
      const asked = (await this.openEraseRequests()).find((one) => one.record === record)
      if (asked !== undefined) await this.eraseAsked(asked)
    } catch {
      // The record is destroyed, whatever becomes of this.
    }
  }

  /** Says no: the record stays. */
  async keepAsked(id: string): Promise<EraseRequest> {
    return await this.options.hospital.answerEraseRequest(this.requestSigner, id, 'kept')
  }

  /** Every entry of this patient on the ledger, found without the record server. */
  async ledgerEntries(): Promise<readonly LedgerPlace[]> {
    const { crypto, hospital } = this.options
    const keys = await this.keyring.all(this.ref)
    const tags = [...keys.values()].map((key) => encodeHex(patientTag(crypto, key, this.ref)))
    return (await Promise.all(tags.map((tag) => hospital.findTag(this.requestSigner, tag)))).flat()
  }

  async #openAppointment(envelope: Uint8Array): Promise<Appointment> {
    const key = await this.keyring.version(this.ref, peekEnvelope(envelope).version)
    return openAppointment(this.options.crypto, key, this.ref, envelope)
  }

  async #revoke(fn: 'revokeWarrant' | 'revokeGrant', target: WarrantId | GrantId): Promise<LedgerReceipt> {
    const { crypto, clock, hospital } = this.options
    const revocation = { jti: newId(crypto, 'v'), iss: this.ref, target, iat: Math.floor(clock.nowMs() / 1000) }
    const statement = await this.#sign(prepareRevocation(this.identity.signer.kid, revocation))
    return await hospital.submitStatement(this.requestSigner, fn, statement)
  }

  #keyStatementBase(kid: Kid): Pick<KeyStatement, 'jti' | 'iss' | 'kid' | 'iat'> {
    const { crypto, clock } = this.options
    return { jti: newId(crypto, 'k'), iss: this.ref, kid, iat: Math.floor(clock.nowMs() / 1000) }
  }

  async #keyStatement(fn: 'addKey' | 'removeKey', statement: KeyStatement): Promise<LedgerReceipt> {
    const jws = await this.#sign(prepareKeyStatement(this.identity.signer.kid, statement))
    return await this.options.hospital.submitStatement(this.requestSigner, fn, jws)
  }

  async #sign(unsigned: UnsignedStatement): Promise<string> {
    return unsigned.withSignature(await this.identity.signer.sign(unsigned.signingInput))
  }
}
