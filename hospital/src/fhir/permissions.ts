/**
 * What patients of this hospital allowed: the texts of their permissions as the hospital keeps them, and what the ledger
 * says of each: recorded, taken back, given to others.
 *
 * @module
 */
import { decodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import { grantsPageShape, patientPolicyShape } from '../../../shared/ledger-model/src/index.ts'
import {
  list,
  openEnvelope,
  parseWarrant,
  peekEnvelope,
  type PatientRef,
  type Shape,
} from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import type { TreatmentKeys } from '../treatment-keys.ts'
import type { Permission, Permissions } from './ports.ts'

export interface HospitalPermissionsParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly keys: TreatmentKeys
  /** Endorsed, with a nonce of this hospital. */
  readonly readLedger: <T>(fn: string, args: readonly string[], shape: Shape<T>) => Promise<T>
}

export class HospitalPermissions implements Permissions {
  readonly #parts: HospitalPermissionsParts

  constructor(parts: HospitalPermissionsParts) {
    this.#parts = parts
  }

  async of(patient: PatientRef): Promise<readonly Permission[]> {
    const [warrants, grants] = await Promise.all([this.#warrants(patient), this.#grants(patient)])
    return [...warrants, ...grants]
  }

  async #warrants(patient: PatientRef): Promise<readonly Permission[]> {
    const { crypto, db, keys, readLedger } = this.#parts
    const envelopes = db.prepare('SELECT envelope FROM warrant WHERE patient = ?').pluck().all(patient) as Buffer[]
    if (envelopes.length === 0) return []
    const shape = list(patientPolicyShape, { min: 1, max: 1 })
    const [policy] = await readLedger('patientPolicy', [JSON.stringify([patient])], shape)
    return envelopes.map((bytes): Permission => {
      const envelope = new Uint8Array(bytes)
      const key = keys.derived(patient, peekEnvelope(envelope).version)
      const { payload } = parseWarrant(decodeUtf8(openEnvelope(crypto, key, patient, 'warrant', envelope)))
      const entry = policy?.warrants.find(({ jti }) => jti === payload.jti)
      const revokedMs = entry?.revokedMs ?? undefined
      return {
        jti: payload.jti,
        kind: 'warrant',
        patient,
        parties: payload.doctors,
        hospital: payload.hospital,
        scope: payload.scope,
        fromMs: payload.nbf * 1000,
        untilMs: payload.exp * 1000,
        aux: payload.aux,
        ...(revokedMs === undefined ? {} : { revokedMs }),
      }
    })
  }

  async #grants(patient: PatientRef): Promise<readonly Permission[]> {
    const found: Permission[] = []
    let bookmark = ''
    do {
      const page = await this.#parts.readLedger('grantsOf', [patient, bookmark], grantsPageShape)
      for (const { jti, grantee, scope, purpose, nbfMs, expMs, revokedMs, recordedMs } of page.items) {
        found.push({
          jti,
          kind: 'grant',
          patient,
          parties: [grantee],
          scope,
          purpose,
          fromMs: nbfMs,
          untilMs: expMs,
          recordedMs,
          ...(revokedMs === null ? {} : { revokedMs }),
        })
      }
      bookmark = page.bookmark
    } while (bookmark !== '')
    return found
  }
}
