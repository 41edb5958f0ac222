/**
 * Honest people who use the record server through a host that is against them: two patients, three doctors, their
 * hospital. They do what the real clients do, check what they get, and compare it with the model.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { equalBytes, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  isErrorCode,
  ProtocolError,
  verifyReceipt,
  type CborValue,
  type RecordId,
} from '../../../shared/protocol/src/index.ts'
import { startHandshake, type ClientSession } from '../../../shared/protocol/src/session/index.ts'
import type { AbiOpName, AbiRequest, Outcome } from '../../../shared/tee-abi/src/index.ts'
import type { TestIdentity } from '../../../testkit/src/consortium.ts'
import { observation, type TaWorld, type Upload, type WorldPatient } from '../../../testkit/src/ta-world.ts'
import type { Chance } from './chance.ts'
import { Model, type InFlight, type ModelRecord } from './model.ts'

/** The host, as people see it. */
export interface Carrier {
  /** @param arrived called when the very bytes first reach the trusted application. */
  carry<O extends AbiOpName>(op: O, body: AbiRequest<O>, arrived?: () => void): Promise<Outcome<O>>
  /** Takes note of a code that somebody was given. */
  note(code: string): void
}

type Answer = Readonly<Record<string, CborValue>>

interface Person {
  readonly who: TestIdentity | WorldPatient
  readonly kind: 'patient' | 'doctor' | 'hospital'
  session: ClientSession | undefined
  underWay: number
}

const MAX_UNDER_WAY = 3
const MAX_RECORDS = 40
/** A session that answers so is over. */
const OVER = new Set(['SESSION_UNKNOWN', 'SESSION_EXPIRED', 'TEE_RESTARTED'])

/** A refusal that reached a person. */
class Refused extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export class People {
  readonly model: Model
  carrier: Carrier | undefined
  acknowledged = 0
  released = 0
  readonly #world: TaWorld
  readonly #chance: Chance
  readonly #canary: string
  readonly #patients: readonly WorldPatient[]
  readonly #doctors: readonly TestIdentity[]
  readonly #people: readonly Person[]
  readonly #uploads: Upload[] = []
  /** What happened in the background and must not be forgotten. */
  #fault: Error | undefined

  private constructor(
    world: TaWorld,
    chance: Chance,
    canary: string,
    patients: readonly WorldPatient[],
    doctors: readonly TestIdentity[],
  ) {
    this.#world = world
    this.#chance = chance
    this.#canary = canary
    this.#patients = patients
    this.#doctors = doctors
    this.model = new Model(() => world.clock.nowMs() + world.ledgerOffsetMs, world.hospital.ref)
    const person = (who: Person['who'], kind: Person['kind']): Person => ({
      who,
      kind,
      session: undefined,
      underWay: 0,
    })
    this.#people = [
      ...patients.map((who) => person(who, 'patient')),
      ...doctors.map((who) => person(who, 'doctor')),
      person(world.hospital, 'hospital'),
    ]
  }

  static async open(world: TaWorld, chance: Chance, canary: string): Promise<People> {
    const patients = [await world.patient(), await world.patient()]
    const doctors = [await world.doctor(), await world.doctor(), await world.doctor({ emergency: true, at: 0 })]
    const people = new People(world, chance, canary, patients, doctors)
    // Somebody may write from the beginning.
    for (const patient of patients) await people.#permit(patient, doctors[0] as TestIdentity, 'warrant', 0)
    await world.settle()
    return people
  }

  /** A record that somebody may have stored. */
  someRecord(): RecordId | undefined {
    return this.model.records.length === 0 ? undefined : this.#chance.pick(this.model.records).recordId
  }

  // --- what they do

  /** Somebody starts something. */
  act(): void {
    if (this.#fault !== undefined) throw this.#fault
    const person = this.#chance.pick(this.#people)
    if (person.underWay >= MAX_UNDER_WAY) return
    person.underWay++
    void this.#do(person)
      .catch((error: unknown) => {
        const code = codeOf(error)
        if (code === undefined) this.#fault ??= errorOf(error)
        else {
          if (OVER.has(code)) person.session = undefined
          this.carrier?.note(code)
        }
      })
      .finally(() => person.underWay--)
  }

  async #do(person: Person): Promise<void> {
    person.session ??= await this.#connect(person)
    const patient = this.#chance.pick(this.#patients)
    const record = this.model.records.length === 0 ? undefined : this.#chance.pick(this.model.records)
    switch (this.#chance.below(10)) {
      case 0:
      case 1:
      case 2:
        if (person.kind === 'doctor') return await this.#store(person)
        return record === undefined ? await this.#list(person, patient) : await this.#read(person, record)
      case 3:
        return await this.#list(person, patient)
      case 4:
        return await this.#search(person, patient)
      case 5:
        if (person.kind === 'doctor' && this.#chance.percent(30)) return await this.#emergency(person, patient)
        return await this.#list(person, patient)
      case 6:
        if (record !== undefined && person.kind === 'patient' && this.#chance.percent(25)) {
          return await this.#erase(person, record)
        }
        return await this.#list(person, patient)
      default:
        if (record !== undefined) await this.#read(person, record)
    }
  }

  async #connect({ who }: Person): Promise<ClientSession> {
    const { crypto, clock } = this.#world
    const pending = startHandshake(crypto)
    const { reply } = await this.#carried('hello', { hello: pending.hello, conn: this.#chance.below(3) })
    const policy = { teeKinds: ['process'], minSecurityVersion: 1, allowSimulated: true }
    const check = { server: this.#world.registration(), policy }
    const unconfirmed = pending.complete(reply, check, this.#world.identityOf(who))
    const { record } = await this.#carried('finish', { finish: unconfirmed.finish })
    return unconfirmed.confirm(record, clock.monotonicMs())
  }

  async #carried<O extends AbiOpName>(op: O, body: AbiRequest<O>, arrived?: () => void) {
    if (this.carrier === undefined) throw new TypeError('nobody carries')
    const outcome = await this.carrier.carry(op, body, arrived)
    if (!outcome.ok) throw new Refused(outcome.code)
    return outcome.answer
  }

  /** A request in the person's session, and whether it may be answered at all. */
  async #request(
    person: Person,
    patient: string,
    cmd: string,
    body: Answer,
  ): Promise<{ readonly answer: Answer; readonly flight: InFlight }> {
    const session = person.session as ClientSession
    const { seq, frame } = session.sealRequest({ cmd, ...body }, this.#world.clock.monotonicMs())
    const flight = this.model.sent(person.who.ref, patient)
    try {
      const { record } = await this.#carried('record', { record: frame }, () => this.model.arrived(flight))
      const answer = session.openAnswer(seq, record) as Answer
      assert.throws(() => session.openAnswer(seq, record), { code: 'SESSION_REPLAY' })
      if (answer['ok'] !== true) throw new Refused(codeIn(answer))
      return { answer, flight }
    } finally {
      this.model.inFlight.delete(flight)
      session.forget(seq)
    }
  }

  async #store(person: Person): Promise<void> {
    const author = person.who as TestIdentity
    const warrants = this.model.permissions.filter(({ kind, reader }) => kind === 'warrant' && reader === author.ref)
    if (warrants.length === 0 || this.model.records.length >= MAX_RECORDS) return
    const good = warrants.filter(({ isRevoked, notAfterMs }) => !isRevoked && notAfterMs > this.#world.clock.nowMs())
    const isUsual = good.length > 0 && this.#chance.percent(85)
    const { patient: ref, jws = '' } = this.#chance.pick(isUsual ? good : warrants)
    const patient = this.#patients.find((one) => one.ref === ref) as WorldPatient
    const ehr = encodeUtf8(
      JSON.stringify(observation({ note: [{ text: `${this.#canary} ${this.model.records.length}` }] })),
    )
    const upload = this.#world.upload(patient, { author, warrant: jws, ehr })
    const { recordId } = upload.commitment
    const record: ModelRecord = {
      recordId,
      patient: ref,
      ehr,
      envelope: upload.envelope,
      author: author.ref,
      state: 'sent',
    }
    this.model.records.push(record)
    this.#uploads.push(upload)
    const { answer } = await this.#request(person, ref, 'record.store', { envelope: upload.envelope })
    this.#acknowledge(answer, upload, record)
  }

  #acknowledge({ receipt, log }: Answer, upload: Upload, record: ModelRecord): void {
    const { crypto, serverRef } = this.#world
    const key = crypto.importVerifyingKey(this.#world.registration().identityKey)
    verifyReceipt(crypto, receipt as string, { server: serverRef, key, commitment: upload.commitment })
    this.#world.verifyLogProof(log, { kind: 'store', record: record.recordId })
    if (record.state === 'sent') record.state = 'stored'
    this.acknowledged++
  }

  async #read(person: Person, record: ModelRecord): Promise<void> {
    const wasErased = record.state === 'erased'
    const { answer, flight } = await this.#request(person, record.patient, 'record.read', { record: record.recordId })
    assert.ok(flight.isAllowed, `${person.who.ref} read what the ledger did not allow`)
    assert.ok(!wasErased, 'an erased record was read')
    assert.ok(equalBytes(answer['ehr'] as Uint8Array, record.ehr), 'other content than was stored')
    this.#world.verifyLogProof(answer['log'], { kind: 'store', record: record.recordId })
    this.model.released.push({
      reader: person.who.ref,
      patient: record.patient,
      recordId: record.recordId,
      accessIndex: answer['accessIndex'] as number,
    })
    this.released++
  }

  async #list(person: Person, patient: WorldPatient): Promise<void> {
    const { answer, flight } = await this.#request(person, patient.ref, 'record.list', {
      patient: patient.ref,
      limit: 200,
    })
    assert.ok(flight.isAllowed, `${person.who.ref} listed what the ledger did not allow`)
    if (person.kind !== 'patient') return
    const listed = new Set((answer['items'] as readonly { readonly record: string }[]).map(({ record }) => record))
    for (const recordId of flight.complete) assert.ok(listed.has(recordId), 'a stored record is missing in the list')
  }

  async #search(person: Person, patient: WorldPatient): Promise<void> {
    const { flight } = await this.#request(person, patient.ref, 'record.search', {
      patient: patient.ref,
      text: 'hba1c',
    })
    assert.ok(flight.isAllowed, `${person.who.ref} searched what the ledger did not allow`)
  }

  async #emergency(person: Person, patient: WorldPatient): Promise<void> {
    if (person.who === this.#doctors[2]) {
      this.model.emergencies.add(`${person.who.ref}/${patient.ref}`)
      this.model.changed()
    }
    const body = { patient: patient.ref, reason: 'unconscious', text: 'unconscious on arrival' }
    await this.#request(person, patient.ref, 'emergency.open', body)
    assert.equal(person.who, this.#doctors[2], 'emergency access without the attribute')
  }

  async #erase(person: Person, record: ModelRecord): Promise<void> {
    const upload = this.#uploads.find(({ commitment }) => commitment.recordId === record.recordId) as Upload
    const mayBe = person.who.ref === record.patient
    if (mayBe && record.state !== 'erased') record.state = 'erasing'
    const body = { record: record.recordId, confirm: upload.commitment.ehrHash }
    await this.#request(person, record.patient, 'record.erase', body)
    assert.ok(mayBe, 'somebody else erased a record')
    record.state = 'erased'
  }

  // --- the ledger, which they reach without this host

  async changeLedger(): Promise<void> {
    const choice = this.#chance.below(18)
    const patient = this.#chance.pick(this.#patients)
    const doctor = this.#chance.pick(this.#doctors)
    if (choice < 12) {
      const waiting = this.#uploads.filter(
        ({ commitment }) => this.#world.ledger.findCommitted(commitment.recordId, 1) === undefined,
      )
      if (waiting.length > 0) await this.#commit(this.#chance.pick(waiting))
    } else if (choice < 14) {
      await this.#permit(patient, doctor, this.#chance.percent(50) ? 'warrant' : 'grant', this.#chance.below(3))
    } else if (choice < 17) {
      // The first two stay, so that somebody can always write.
      const inForce = this.model.permissions.slice(2).filter(({ isRevoked }) => !isRevoked)
      if (inForce.length > 0) await this.#revoke(this.#chance.pick(inForce))
    } else if (doctor !== this.#doctors[0]) await this.#suspendOrReinstate(doctor)
    this.model.changed()
  }

  async #commit(upload: Upload): Promise<void> {
    // The author may have been suspended meanwhile.
    if (this.model.suspended.has(upload.author.ref)) return
    void this.#world.commit(upload).catch((error: unknown) => (this.#fault ??= errorOf(error)))
    await Promise.resolve()
  }

  /** @param period 0: a week; 1: ends soon; 2: has not begun. */
  async #permit(patient: WorldPatient, doctor: TestIdentity, kind: 'warrant' | 'grant', period: number): Promise<void> {
    if (this.model.permissions.filter(({ isRevoked }) => !isRevoked).length > 30) return
    const nowSeconds = Math.floor((this.#world.clock.nowMs() + this.#world.ledgerOffsetMs) / 1000)
    const nbf = period === 2 ? nowSeconds + 120 : nowSeconds - 60
    const exp = period === 1 ? nowSeconds + 20 : nbf + 7 * 86_400
    const change = { nbf, exp }
    const common = {
      patient: patient.ref,
      reader: doctor.ref,
      notBeforeMs: nbf * 1000,
      notAfterMs: exp * 1000,
      isRevoked: false,
    }
    if (kind === 'grant') {
      const id = await this.#world.grant(patient, doctor, change)
      this.model.permissions.push({ ...common, kind, id })
      return
    }
    const jws = await this.#world.warrant(patient, [doctor], change)
    const { jti } = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as { readonly jti: string }
    this.model.permissions.push({ ...common, kind, id: jti, jws })
  }

  async #revoke(permission: (typeof this.model.permissions)[number]): Promise<void> {
    const patient = this.#patients.find(({ ref }) => ref === permission.patient) as WorldPatient
    await this.#world.revoke(patient, permission.kind === 'warrant' ? 'revokeWarrant' : 'revokeGrant', permission.id)
    permission.isRevoked = true
  }

  async #suspendOrReinstate(doctor: TestIdentity): Promise<void> {
    const { ledger, organizations } = this.#world
    const isSuspended = this.model.suspended.has(doctor.ref)
    const fn = isSuspended ? 'reinstateParticipant' : 'suspendParticipant'
    await ledger.submit(organizations[0].admin, fn, [doctor.ref, 'left'])
    if (isSuspended) this.model.suspended.delete(doctor.ref)
    else this.model.suspended.set(doctor.ref, this.#world.clock.nowMs() + this.#world.ledgerOffsetMs)
  }

  // --- in the end, with a host that is honest again

  /** Reads all there is, until the application ends. */
  async readEverythingInto(isOver: () => unknown): Promise<void> {
    for (const patient of this.#patients) {
      try {
        const session = await this.#world.connect(patient)
        for (const record of this.model.records.filter((one) => one.patient === patient.ref)) {
          const answer = await session.answer('record.read', { record: record.recordId })
          if (answer['ok'] === true) assert.ok(equalBytes(answer['ehr'] as Uint8Array, record.ehr))
        }
      } catch (error) {
        if (codeOf(error) === undefined) throw error
      }
      if (isOver() !== undefined) return
    }
  }

  async checkEverything(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#fault !== undefined) throw this.#fault
    for (const patient of this.#patients) {
      const session = await this.#world.connect(patient)
      for (const record of this.model.records.filter((one) => one.patient === patient.ref)) {
        const answer = await session.answer('record.read', { record: record.recordId })
        if (record.state === 'stored')
          assert.equal(answer['ok'], true, `an acknowledged record is lost: ${codeIn(answer)}`)
        if (record.state === 'erased') assert.equal(answer['code'], 'RECORD_ERASED')
        if (answer['ok'] === true) assert.ok(equalBytes(answer['ehr'] as Uint8Array, record.ehr))
      }
      await this.#checkLog(patient)
    }
    await this.#checkReaders()
  }

  /** Every read that was released stands in the patient's log. */
  async #checkLog(patient: WorldPatient): Promise<void> {
    const session = await this.#world.connect(patient)
    const logged = new Map<number, Readonly<Record<string, unknown>>>()
    let cursor: string | undefined
    do {
      const answer = await session.request('access-log', {
        patient: patient.ref,
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const entry of answer['entries'] as readonly Readonly<Record<string, unknown>>[]) {
        logged.set(entry['index'] as number, entry)
      }
      cursor = answer['cursor'] as string | undefined
    } while (cursor !== undefined)
    for (const { patient: of, accessIndex, reader, recordId } of this.model.released) {
      if (of !== patient.ref) continue
      const entry = logged.get(accessIndex)
      assert.ok(entry !== undefined, `a read is not in the log: entry ${accessIndex}`)
      assert.equal(entry['kind'], 'read')
      assert.equal(entry['actor'], reader)
      assert.ok(JSON.stringify(entry['records']).includes(recordId))
    }
  }

  /** And everybody sees exactly what the ledger allows now: no more, and with a grant no less. */
  async #checkReaders(): Promise<void> {
    const nowMs = this.#world.clock.nowMs() + this.#world.ledgerOffsetMs
    for (const doctor of this.#doctors) {
      if (this.model.suspended.has(doctor.ref)) {
        await assert.rejects(this.#world.connect(doctor), (error) => isErrorCode(codeOf(error)))
        continue
      }
      const session = await this.#world.connect(doctor)
      for (const record of this.model.records.filter(({ state }) => state === 'stored')) {
        const answer = await session.answer('record.read', { record: record.recordId })
        const isAllowed = this.model.allows(doctor.ref, record.patient)
        if (!isAllowed) assert.equal(answer['ok'], false, 'read without a permission')
        const hasGrant = this.model.permissions.some(
          (one) =>
            one.kind === 'grant' &&
            one.reader === doctor.ref &&
            one.patient === record.patient &&
            !one.isRevoked &&
            one.notBeforeMs <= nowMs &&
            nowMs < one.notAfterMs,
        )
        if (hasGrant) assert.equal(answer['ok'], true, `a permission does not open: ${codeIn(answer)}`)
      }
    }
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error('thrown', { cause: error })
}

/** The code in a refusing answer. */
function codeIn(answer: Answer): string {
  const code = answer['code']
  return typeof code === 'string' ? code : 'no code'
}

/** The code of a refusal; undefined: the error is a fault of the test or of the product. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Refused || error instanceof ProtocolError) return error.code
  const { code } = error as { readonly code?: unknown }
  return isErrorCode(code) ? code : undefined
}
