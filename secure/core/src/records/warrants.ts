/**
 * Warrants whose full text this server has seen: with an upload, or shown for reading (`warrant.present`). The ledger
 * has only their hash, so the text is checked against it at each use and needs no other proof of being current.
 *
 * @module
 */
import {
  decodeBase64url,
  decodeHex,
  encodeHex,
  type Crypto,
  type VerifyingKey,
} from '../../../../shared/crypto/src/index.ts'
import type { PatientPolicy } from '../../../../shared/ledger-model/src/index.ts'
import {
  parseWarrant,
  verifyWarrant,
  warrantHash,
  type Kid,
  type PatientRef,
  type Warrant,
} from '../../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Patient } from '../patients.ts'
import type { SqlStatement } from '../ports.ts'
import { textOf } from '../sql-values.ts'
import type { Store } from '../store.ts'

export interface KnownWarrant {
  readonly warrant: Warrant
  /** Compact JWS. */
  readonly jws: string
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** As the ledger writes it. */
  readonly hashHex: string
}

export class Warrants {
  readonly #crypto: Crypto
  readonly #store: Store
  readonly #maxKept: number
  readonly #select: SqlStatement
  readonly #insert: SqlStatement
  /** By hex hash, least recently used first; texts that are in the store. */
  readonly #known = new Map<string, KnownWarrant>()
  /** By hex hash: what verified before, and the key that signed it. */
  readonly #verified = new Map<string, { readonly known: KnownWarrant; readonly kid: Kid }>()
  readonly #keys = new Map<string, VerifyingKey>()

  constructor(store: Store, maxKept: number) {
    this.#maxKept = maxKept
    this.#crypto = store.crypto
    this.#store = store
    this.#select = store.database.prepare('SELECT jws FROM warrant WHERE hash = ?')
    this.#insert = store.database.prepare('INSERT INTO warrant VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  }

  /**
   * Reads a warrant and checks that the patient signed it: with a key that is active now, or with one that was when
   * the ledger recorded this very warrant.
   *
   * @throws {ProtocolError} `STATEMENT_MALFORMED`, `WARRANT_SIGNATURE_INVALID`, `WARRANT_PARTY_MISMATCH` (of another
   * patient).
   */
  verify(jws: string, patient: PatientRef, policy: PatientPolicy): KnownWarrant {
    const hash = warrantHash(this.#crypto, jws)
    const hashHex = encodeHex(hash)
    const isRecorded = policy.warrants.some((entry) => entry.warrantHash === hashHex)
    const keys = {
      get: (kid: Kid): VerifyingKey | undefined => {
        const key = policy.keys.find((one) => one.kid === kid && (one.removedMs === null || isRecorded))
        return key === undefined ? undefined : this.#importKey(key.publicKey)
      },
    }
    const verified = this.#verified.get(hashHex)
    if (verified !== undefined && keys.get(verified.kid) !== undefined) {
      if (verified.known.warrant.iss !== patient) throw new TrustedApplicationError('WARRANT_PARTY_MISMATCH')
      return verified.known
    }
    const warrant = verifyWarrant(this.#crypto, jws, { patient, patientKeys: keys })
    const known = { warrant, jws, hash, hashHex }
    if (this.#verified.size >= this.#maxKept) this.#verified.clear()
    this.#verified.set(hashHex, { known, kid: parseWarrant(jws).header.kid })
    return known
  }

  /** Keeps the text of a verified warrant. */
  remember(patient: Patient, known: KnownWarrant): void {
    if (this.#known.has(known.hashHex)) return
    this.#store.beginWrite()
    this.#insert.run(known.hash, patient.id, known.jws)
    this.#cache(known)
  }

  /** By the hash that the ledger records, lower-case hex. */
  find(hashHex: string): KnownWarrant | undefined {
    const known = this.#known.get(hashHex)
    if (known !== undefined) return known
    const hash = decodeHex(hashHex)
    const row = this.#select.get(hash)
    if (row === undefined) return undefined
    const jws = textOf(row, 'jws')
    if (encodeHex(warrantHash(this.#crypto, jws)) !== hashHex) return undefined
    const found = { warrant: parseWarrant(jws).payload, jws, hash, hashHex }
    this.#cache(found)
    return found
  }

  #cache(known: KnownWarrant): void {
    if (this.#known.size >= this.#maxKept) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    this.#known.set(known.hashHex, known)
  }

  /** @param publicKey b64u, from the ledger. */
  #importKey(publicKey: string): VerifyingKey {
    const known = this.#keys.get(publicKey)
    if (known !== undefined) return known
    const key = this.#crypto.importVerifyingKey(decodeBase64url(publicKey))
    if (this.#keys.size >= this.#maxKept) this.#keys.clear()
    this.#keys.set(publicKey, key)
    return key
  }
}
