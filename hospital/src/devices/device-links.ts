/**
 * One more device of a person who has one here. The first device asks for a code and shows it with a secret of its own;
 * the new device comes with the code and its keys; the first one checks them and says yes. This service carries the
 * messages: it cannot make the check right, and a handed-over key is sealed. Spec: docs/protocol/02-registration.md §2.8.
 *
 * @module
 */
import { decodeBase64url, encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { kidOf, ProtocolError, type Kid } from '../../../shared/protocol/src/index.ts'
import { joinProofInput } from '../../../clients/sdk/src/device-join.ts'
import { randomCode } from '../codes.ts'
import type { HospitalDatabase } from '../database.ts'
import type { Caller } from '../request-auth.ts'

export const DEFAULT_TTL_S = 600
/** Links of one person that may wait. */
const MAX_LINKS = 8

export interface JoinRequest {
  readonly code: string
  /** b64u, 65 bytes. */
  readonly publicKey: string
  /** b64u, 32 bytes. */
  readonly sealKey: string
  readonly label: string
  /** b64u, 32 bytes: for the first device, which knows the secret. */
  readonly mac: string
  /** b64u, 64 bytes: the new key over `joinProofInput`. */
  readonly proof: string
}

/** A device that waits for the first one's yes. */
export interface WaitingJoin extends Omit<JoinRequest, 'proof'> {
  readonly id: string
  readonly expiresMs: number
}

export interface DeviceLink {
  readonly id: string
  readonly code: string
  /** A participant's reference, or the id of a member of staff. */
  readonly owner: string
  readonly name: string
  readonly expiresMs: number
  readonly state: 'open' | 'waiting' | 'approved' | 'refused'
  /** b64u, once a device came. */
  readonly publicKey?: string
  readonly sealKey?: string
  readonly label?: string
  readonly mac?: string
  /** b64u: a sealed key, where it moves. */
  readonly handover?: string
}

export class DeviceLinks {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  /** @throws {ProtocolError} `HTTP_RATE_LIMITED` when too many of the person's links wait. */
  create(owner: string, name: string, ttlSeconds: number, nowMs: number): DeviceLink {
    this.#db.prepare('DELETE FROM device_link WHERE expires_ms < ?').run(nowMs)
    const count = this.#db.prepare('SELECT count(*) FROM device_link WHERE owner = ?').pluck().get(owner) as number
    if (count >= MAX_LINKS) throw new ProtocolError('HTTP_RATE_LIMITED', 'too many links wait')
    const link = {
      id: encodeHex(this.#crypto.randomBytes(16)),
      code: randomCode(this.#crypto),
      owner,
      name,
      expiresMs: nowMs + ttlSeconds * 1000,
      state: 'open',
    } as const
    this.#db
      .prepare('INSERT INTO device_link (id, code, owner, name, expires_ms, state) VALUES (?, ?, ?, ?, ?, ?)')
      .run(link.id, link.code, owner, name, link.expiresMs, link.state)
    return link
  }

  /** @throws {ProtocolError} `INVITATION_UNKNOWN`, the same for wrong and ended codes. */
  find(code: string, nowMs: number): DeviceLink {
    const row = this.#db.prepare('SELECT * FROM device_link WHERE code = ?').get(code) as LinkRow | undefined
    if (row === undefined || row.expires_ms < nowMs) throw unknown()
    return linkOf(row)
  }

  /**
   * A new device comes with the code, or asks again. The first one that comes has it.
   * @throws {ProtocolError} `INVITATION_UNKNOWN`, also for another device; `REQUEST_REJECTED` for a wrong proof.
   */
  join(request: JoinRequest, nowMs: number): DeviceLink {
    const keys = { publicKey: decodeBase64url(request.publicKey), sealKey: decodeBase64url(request.sealKey) }
    const verifying = this.#crypto.importVerifyingKey(keys.publicKey)
    const proof = decodeBase64url(request.proof)
    if (!this.#crypto.verify(verifying, joinProofInput(request.code, keys), proof)) {
      throw new ProtocolError('REQUEST_REJECTED', 'the key was not proven')
    }
    const link = this.find(request.code, nowMs)
    if (link.state !== 'open') {
      if (link.publicKey !== request.publicKey || link.sealKey !== request.sealKey) throw unknown()
      return link
    }
    const { publicKey, sealKey, label, mac } = request
    this.#db
      .prepare(
        `UPDATE device_link SET state = 'waiting', public_key = ?, seal_key = ?, label = ?, mac = ? WHERE id = ?`,
      )
      .run(publicKey, sealKey, label, mac, link.id)
    return { ...link, state: 'waiting', publicKey, sealKey, label, mac }
  }

  waiting(owner: string, nowMs: number): WaitingJoin[] {
    const rows = this.#db
      .prepare(
        `SELECT * FROM device_link WHERE owner = ? AND state = 'waiting' AND expires_ms >= ? ORDER BY expires_ms`,
      )
      .all(owner, nowMs) as LinkRow[]
    return rows.map((row) => {
      const { id, code, expiresMs, publicKey = '', sealKey = '', label = '', mac = '' } = linkOf(row)
      return { id, code, expiresMs, publicKey, sealKey, label, mac }
    })
  }

  /** One that waits for this person. @throws {ProtocolError} `INVITATION_UNKNOWN` */
  requireWaiting(owner: string, id: string, nowMs: number): WaitingJoin {
    const found = this.waiting(owner, nowMs).find((one) => one.id === id)
    if (found === undefined) throw unknown()
    return found
  }

  decide(id: string, state: 'approved' | 'refused', handover?: string): void {
    this.#db
      .prepare(`UPDATE device_link SET state = ?, handover = ? WHERE id = ? AND state = 'waiting'`)
      .run(state, handover ?? null, id)
  }
}

/** Who may say yes: the person, on any device. */
export function ownerOf(caller: Caller): string {
  return caller.staff?.id ?? caller.ref
}

export function kidOfJoin(crypto: Crypto, { publicKey }: Pick<WaitingJoin, 'publicKey'>): Kid {
  return kidOf(crypto, decodeBase64url(publicKey))
}

interface LinkRow {
  readonly id: string
  readonly code: string
  readonly owner: string
  readonly name: string
  readonly expires_ms: number
  readonly state: DeviceLink['state']
  readonly public_key: string | null
  readonly seal_key: string | null
  readonly label: string | null
  readonly mac: string | null
  readonly handover: string | null
}

function linkOf(row: LinkRow): DeviceLink {
  return {
    id: row.id,
    code: row.code,
    owner: row.owner,
    name: row.name,
    expiresMs: row.expires_ms,
    state: row.state,
    ...(row.public_key === null ? {} : { publicKey: row.public_key }),
    ...(row.seal_key === null ? {} : { sealKey: row.seal_key }),
    ...(row.label === null ? {} : { label: row.label }),
    ...(row.mac === null ? {} : { mac: row.mac }),
    ...(row.handover === null ? {} : { handover: row.handover }),
  }
}

function unknown(): ProtocolError {
  return new ProtocolError('INVITATION_UNKNOWN', 'the code is wrong, used or ended')
}
