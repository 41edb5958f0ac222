/**
 * What patients of this hospital allowed: the texts of their permissions as the hospital keeps them, and what the ledger
 * says of each: recorded, taken back, given to others.
 *
 * @module
 */
import { decodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  grantsPageShape,
  patientPolicyShape,
  type GrantRecord,
  type PatientPolicy,
} from '../../../shared/ledger-model/src/index.ts'
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
    const shape = list(patientPolicyShape, { min: 1, max: 1 })
    const [[policy], recorded] = await Promise.all([
      this.#parts.readLedger('patientPolicy', [JSON.stringify([patient])], shape),
      this.#grants(patient),
    ])
    return [...this.#warrants(patient, policy), ...recorded.map((grant) => grantOf(grant, policy))]
  }

  #warrants(patient: PatientRef, policy: PatientPolicy | undefined): readonly Permission[] {
    const { crypto, db, keys } = this.#parts
    const envelopes = db.prepare('SELECT envelope FROM warrant WHERE patient = ?').pluck().all(patient) as Buffer[]
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
        records: [],
        except: [],
        suspended: payload.doctors.filter((ref) => policy?.suspended.includes(ref)),
        ...(revokedMs === undefined ? {} : { revokedMs }),
      }
    })
  }

  async #grants(patient: PatientRef): Promise<readonly GrantRecord[]> {
    const found: GrantRecord[] = []
    let bookmark = ''
    do {
      const page = await this.#parts.readLedger('grantsOf', [patient, bookmark], grantsPageShape)
      found.push(...page.items)
      bookmark = page.bookmark
    } while (bookmark !== '')
    return found
  }
}

function grantOf(grant: GrantRecord, policy: PatientPolicy | undefined): Permission {
  const { jti, patientRef, grantee, scope, records, except, fromMs, toMs, purpose, nbfMs, expMs } = grant
  // A sanction of either kind leaves a grant nothing (protocol §7.2).
  const isSuspended = policy?.grants.find((one) => one.jti === jti)?.suspended === true
  return {
    jti,
    kind: 'grant',
    patient: patientRef,
    parties: [grantee],
    scope,
    purpose,
    records,
    except: except ?? [],
    ...(fromMs === 0 ? {} : { datesFromMs: fromMs }),
    ...(toMs === 0 ? {} : { datesToMs: toMs }),
    fromMs: nbfMs,
    untilMs: expMs,
    suspended: isSuspended ? [grantee] : [],
    recordedMs: grant.recordedMs,
    ...(grant.revokedMs === null ? {} : { revokedMs: grant.revokedMs }),
  }
}
