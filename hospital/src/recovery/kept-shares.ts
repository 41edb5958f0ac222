/**
 * The recovery shares that this hospital keeps, sealed as the record server made them: those of the newest set, and of
 * the set before until enough hospitals have the newest. In a file of its own, durable before the server is told.
 * Spec: docs/protocol/12-recovery-shares.md §12.2.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBase64url, encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import {
  b64uBytes,
  decodeRecoverySet,
  list,
  literal,
  parseJson,
  struct,
  text,
  type RecoverySet,
  type SignedRecoverySet,
} from '../../../shared/protocol/src/index.ts'
import { writePrivateFile } from '../private-file.ts'

const MAX_SETS = 8
const MAX_FILE_BYTES = 4 * 1024 * 1024
const fileShape = struct({
  v: literal(1),
  /** Newest first. */
  sets: list(struct({ set: text({ min: 1, max: 400_000 }), signature: b64uBytes(64) }), { max: MAX_SETS }),
})

export interface KeptSet {
  readonly signed: SignedRecoverySet
  readonly set: RecoverySet
}

export class KeptShares {
  readonly #path: string

  /** @param folder the hospital's own. */
  constructor(folder: string) {
    this.#path = join(folder, 'recovery-shares.json')
  }

  /** Newest first. @throws {ProtocolError} `MESSAGE_MALFORMED`, `RECOVERY_SET_INVALID` if the file is damaged. */
  all(): readonly KeptSet[] {
    if (!existsSync(this.#path)) return []
    const { sets } = fileShape(parseJson(readFileSync(this.#path, 'utf8'), { maxBytes: MAX_FILE_BYTES }), 'shares')
    return sets.map(({ set, signature }) => {
      const signed = { set: decodeBase64url(set), signature }
      return { signed, set: decodeRecoverySet(signed.set) }
    })
  }

  /** The newest set from now on; the ones before stay. Durable when it returns. */
  add(added: KeptSet): void {
    const id = encodeHex(added.set.id)
    this.#write([added, ...this.all().filter(({ set }) => encodeHex(set.id) !== id)].slice(0, MAX_SETS))
  }

  /** Enough hospitals have the newest: what was before is of no use to anybody who may have it. */
  forgetEarlier(): void {
    const all = this.all()
    if (all.length > 1) this.#write(all.slice(0, 1))
  }

  #write(sets: readonly KeptSet[]): void {
    const rows = sets.map(({ signed }) => ({
      set: encodeBase64url(signed.set),
      signature: encodeBase64url(signed.signature),
    }))
    writePrivateFile(this.#path, `${JSON.stringify({ v: 1, sets: rows })}\n`)
  }
}
