/**
 * Members of staff and their keys. They sign in the hospital's name, each with keys of their own devices; who it was is
 * told by the key. Known to this hospital only: nothing of them is on the ledger.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { ProtocolError, type Kid } from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import type { StaffMember, StaffRole } from './roles.ts'

const MAX_KEYS = 16

export interface StaffKey {
  readonly kid: Kid
  /** b64u, 65 bytes. */
  readonly publicKey: string
  /** b64u, 32 bytes. */
  readonly sealKey: string
  readonly label: string
  readonly addedMs: number
}

export interface StaffEntry extends StaffMember {
  readonly registeredMs: number
  readonly keys: readonly Pick<StaffKey, 'kid' | 'label' | 'addedMs'>[]
}

export class StaffRegistry {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  add(name: string, roles: readonly StaffRole[], nowMs: number): StaffMember {
    const id = `staff-${encodeHex(this.#crypto.randomBytes(16))}`
    this.#db.prepare('INSERT INTO staff VALUES (?, ?, ?, ?)').run(id, name, JSON.stringify(roles), nowMs)
    return { id, name, roles }
  }

  find(id: string): StaffMember | undefined {
    const row = this.#db.prepare('SELECT * FROM staff WHERE id = ?').get(id) as StaffRow | undefined
    return row === undefined ? undefined : memberOf(row)
  }

  list(): StaffEntry[] {
    const rows = this.#db.prepare('SELECT * FROM staff ORDER BY name, id').all() as StaffRow[]
    return rows.map((row) => ({ ...memberOf(row), registeredMs: row.registered_ms, keys: this.#keysOf(row.id) }))
  }

  /** @throws {ProtocolError} `KEY_EXISTS`, also for a key that was removed. */
  addKey(id: string, key: StaffKey): void {
    const known = this.#db.prepare('SELECT 1 FROM staff_key WHERE kid = ?').get(key.kid)
    if (known !== undefined || this.#keysOf(id).length >= MAX_KEYS) {
      throw new ProtocolError('KEY_EXISTS', 'the key is or was registered')
    }
    this.#db
      .prepare('INSERT INTO staff_key VALUES (?, ?, ?, ?, ?, ?, NULL)')
      .run(key.kid, id, key.publicKey, key.sealKey, key.label, key.addedMs)
  }

  /** From the next request on it is nobody's. @throws {ProtocolError} `KEY_UNKNOWN` */
  removeKey(id: string, kid: string, nowMs: number): void {
    const { changes } = this.#db
      .prepare('UPDATE staff_key SET removed_ms = ? WHERE kid = ? AND staff = ? AND removed_ms IS NULL')
      .run(nowMs, kid, id)
    if (changes !== 1) throw new ProtocolError('KEY_UNKNOWN', 'no active key has this id')
  }

  /** The active key of that id, with whose it is. */
  findKey(kid: string): (Pick<StaffKey, 'publicKey' | 'sealKey'> & { readonly member: StaffMember }) | undefined {
    const row = this.#db
      .prepare(
        `SELECT k.public_key, k.seal_key, s.* FROM staff_key k JOIN staff s ON s.id = k.staff
         WHERE k.kid = ? AND k.removed_ms IS NULL`,
      )
      .get(kid) as (StaffRow & { readonly public_key: string; readonly seal_key: string }) | undefined
    return row === undefined ? undefined : { publicKey: row.public_key, sealKey: row.seal_key, member: memberOf(row) }
  }

  #keysOf(id: string): Pick<StaffKey, 'kid' | 'label' | 'addedMs'>[] {
    const rows = this.#db
      .prepare('SELECT kid, label, added_ms FROM staff_key WHERE staff = ? AND removed_ms IS NULL ORDER BY added_ms')
      .all(id) as { readonly kid: Kid; readonly label: string; readonly added_ms: number }[]
    return rows.map(({ kid, label, added_ms }) => ({ kid, label, addedMs: added_ms }))
  }
}

interface StaffRow {
  readonly id: string
  readonly name: string
  readonly roles: string
  readonly registered_ms: number
}

function memberOf({ id, name, roles }: StaffRow): StaffMember {
  return { id, name, roles: JSON.parse(roles) as StaffRole[] }
}
