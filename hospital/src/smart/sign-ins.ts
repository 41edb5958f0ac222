/**
 * A person signs in to an app with the key of a device: the browser shows a code, the person looks at it on the device
 * that holds the key, and says yes or no there with a signed request. No password, and nothing to steal here.
 * Also launches: who starts an app out of a patient's file gives it that patient.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { ProtocolError, type PatientRef } from '../../../shared/protocol/src/index.ts'
import { randomCode } from '../codes.ts'
import type { HospitalDatabase } from '../database.ts'

const SIGN_IN_MS = 600_000
const LAUNCH_MS = 300_000
const MAX_OPEN = 4_096

export interface SignIn {
  readonly uid: string
  readonly code: string
  readonly clientId: string
  /** What the app asked for, as far as it may. */
  readonly scopes: readonly string[]
  /** The app was started out of this patient's file. */
  readonly launchPatient?: PatientRef
  readonly state: 'open' | 'approved' | 'refused'
  /** Who said yes: a participant's reference or the id of a member of staff. */
  readonly account?: string
  /** What the person gave. */
  readonly granted?: readonly string[]
  readonly patient?: PatientRef
  readonly expiresMs: number
}

export class SignIns {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  /** The one of this interaction, begun if there is none. @throws {ProtocolError} `HTTP_RATE_LIMITED` */
  open(begun: Pick<SignIn, 'uid' | 'clientId' | 'scopes' | 'launchPatient'>, nowMs: number): SignIn {
    const known = this.#find('uid', begun.uid)
    if (known !== undefined) return known
    this.#db.prepare('DELETE FROM smart_sign_in WHERE expires_ms < ?').run(nowMs)
    const count = this.#db.prepare('SELECT count(*) FROM smart_sign_in').pluck().get() as number
    if (count >= MAX_OPEN) throw new ProtocolError('HTTP_RATE_LIMITED', 'too many people sign in')
    const expiresMs = nowMs + SIGN_IN_MS
    const signIn: SignIn = { ...begun, code: randomCode(this.#crypto), state: 'open', expiresMs }
    this.#write(signIn)
    return signIn
  }

  isOpen(uid: string, nowMs: number): boolean {
    const found = this.#find('uid', uid)
    return found?.state === 'open' && found.expiresMs >= nowMs
  }

  /** @throws {ProtocolError} `INVITATION_UNKNOWN`, the same for wrong, used and ended codes. */
  require(code: string, nowMs: number): SignIn {
    const found = this.#find('code', code)
    if (found === undefined || found.expiresMs < nowMs || found.state !== 'open') {
      throw new ProtocolError('INVITATION_UNKNOWN', 'the code is wrong, used or ended')
    }
    return found
  }

  approve(signIn: SignIn, given: { account: string; granted: readonly string[]; patient?: PatientRef }): void {
    this.#write({ ...signIn, ...given, state: 'approved' })
  }

  refuse(signIn: SignIn, account: string): void {
    this.#write({ ...signIn, account, state: 'refused' })
  }

  /** @returns the value of the parameter `launch`; good once, for five minutes. */
  launch(patient: PatientRef, nowMs: number): string {
    const id = encodeHex(this.#crypto.randomBytes(16))
    this.#db.prepare('DELETE FROM smart_launch WHERE expires_ms < ?').run(nowMs)
    this.#db.prepare('INSERT INTO smart_launch VALUES (?, ?, ?)').run(id, patient, nowMs + LAUNCH_MS)
    return id
  }

  /** The patient of a launch; it is used up. */
  takeLaunch(id: string, nowMs: number): PatientRef | undefined {
    const row = this.#db.prepare('DELETE FROM smart_launch WHERE id = ? RETURNING patient, expires_ms').get(id) as
      { readonly patient: PatientRef; readonly expires_ms: number } | undefined
    return row === undefined || row.expires_ms < nowMs ? undefined : row.patient
  }

  /** The patient in context of everything that came of one sign-in. */
  keepContext(grantId: string, patient: PatientRef | undefined): void {
    if (patient !== undefined) this.#db.prepare('INSERT INTO smart_context VALUES (?, ?)').run(grantId, patient)
  }

  contextOf(grantId: string): PatientRef | undefined {
    return this.#db.prepare('SELECT patient FROM smart_context WHERE grant_id = ?').pluck().get(grantId) as
      PatientRef | undefined
  }

  #find(column: 'uid' | 'code', value: string): SignIn | undefined {
    const text = this.#db.prepare(`SELECT details FROM smart_sign_in WHERE ${column} = ?`).pluck().get(value)
    return text === undefined ? undefined : (JSON.parse(text as string) as SignIn)
  }

  #write(signIn: SignIn): void {
    const { uid, code, expiresMs } = signIn
    this.#db
      .prepare('INSERT OR REPLACE INTO smart_sign_in VALUES (?, ?, ?, ?)')
      .run(uid, code, JSON.stringify(signIn), expiresMs)
  }
}
