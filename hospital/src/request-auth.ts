/**
 * Who asks: checks the signed request (docs/protocol/02-registration.md §2.6) against the keys that the hospital
 * knows, and accepts each one once.
 *
 * @module
 */
import { decodeBase64url, type Crypto, type VerifyingKey } from '../../shared/crypto/src/index.ts'
import {
  checkRequestStatement,
  MAX_REQUEST_AGE_MS,
  parseRequestStatement,
  ProtocolError,
  type Kid,
  type ParticipantRef,
} from '../../shared/protocol/src/index.ts'
import type { StaffMember } from './staff/roles.ts'

/** An authenticated caller of the hospital service. */
export interface Caller {
  readonly ref: ParticipantRef
  readonly role: 'patient' | 'practitioner' | 'staff' | 'auditor'
  readonly kid: Kid
  /** 32 bytes, where sealed answers go. */
  readonly sealKey: Uint8Array
  /** Which member of staff; absent: the hospital's own service. */
  readonly staff?: StaffMember
}

/** A key that may ask, as the hospital knows it now. */
export interface KnownKey {
  readonly role: Caller['role']
  readonly kid: Kid
  /** b64u, 65 bytes. */
  readonly publicKey: string
  /** b64u, 32 bytes. */
  readonly sealKey: string
  readonly staff?: StaffMember
}

export type FindKey = (ref: ParticipantRef, kid: Kid) => Promise<KnownKey | undefined>

export interface IncomingRequest {
  readonly authorization: string | undefined
  readonly method: string
  /** With the query string. */
  readonly path: string
  readonly body: Uint8Array
}

const MAX_KEYS = 10_000

export class RequestAuthentication {
  readonly #crypto: Crypto
  readonly #findKey: FindKey
  /** `jti` and when it may be forgotten; insertion order is close to time order. */
  readonly #seen = new Map<string, number>()
  /** Parsed keys by their text: parsing one costs half a check. Whether a key may ask is found out each time. */
  readonly #keys = new Map<string, VerifyingKey>()

  constructor(crypto: Crypto, findKey: FindKey) {
    this.#crypto = crypto
    this.#findKey = findKey
  }

  /** @throws {ProtocolError} `REQUEST_REJECTED`, the same for every cause. */
  async check(request: IncomingRequest, nowMs: number): Promise<Caller> {
    const statement = parseRequestStatement(request.authorization)
    const { iss, jti } = statement.payload
    const known = await this.#findKey(iss, statement.header.kid)
    if (known === undefined) throw rejected()
    checkRequestStatement(this.#crypto, statement, this.#importKey(known.publicKey), request, nowMs)
    this.#acceptOnce(`${iss} ${jti}`, nowMs)
    const { role, kid, staff } = known
    const sealKey = decodeBase64url(known.sealKey)
    return { ref: iss, role, kid, sealKey, ...(staff === undefined ? {} : { staff }) }
  }

  #importKey(publicKey: string): VerifyingKey {
    const known = this.#keys.get(publicKey)
    if (known !== undefined) return known
    const key = this.#crypto.importVerifyingKey(decodeBase64url(publicKey))
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear()
    this.#keys.set(publicKey, key)
    return key
  }

  #acceptOnce(id: string, nowMs: number): void {
    for (const [old, untilMs] of this.#seen) {
      if (untilMs > nowMs) break
      this.#seen.delete(old)
    }
    if (this.#seen.has(id)) throw rejected()
    this.#seen.set(id, nowMs + 2 * MAX_REQUEST_AGE_MS)
  }
}

function rejected(): ProtocolError {
  return new ProtocolError('REQUEST_REJECTED', 'the request is not signed as it must be')
}
