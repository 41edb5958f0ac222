/**
 * Checkpoints with the hospitals' cosignatures. One checkpoint at a time is offered, so that all hospitals cosign the same
 * one; what they bring is kept if it verifies, and served to whoever completes a receipt. Nothing of it is trusted by
 * anybody: clients check every line. In memory only: after a start the hospitals cosign again within seconds.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import type { Crypto, VerifyingKey } from '../../../shared/crypto/src/index.ts'
import { ProtocolError } from '../../../shared/protocol/src/errors.ts'
import {
  addSignature,
  formatNote,
  parseNote,
  verifyCosignature,
  type SignedNote,
} from '../../../shared/tlog/src/index.ts'

export interface CosignedParts {
  readonly crypto: Crypto
  readonly monotonicMs: () => number
  /** The trusted application's newest signed checkpoint. */
  readonly checkpoint: () => Promise<string>
  /** The registered key of an active hospital; undefined: there is none. */
  readonly findWitness: (name: string) => Promise<VerifyingKey | undefined>
}

/** A checkpoint waits this long for who does not come. */
const OFFERED_MS = 15_000
/** Who did not cosign for this long is not waited for. */
const HEARD_MS = 60_000
/** Checkpoints that are kept: clients ask for one with enough lines, and the newest may have fewer. */
const KEPT = 8
/** A note has at most 16 lines, one of them the log's own. */
const MAX_WITNESSES = 15

interface Offered {
  note: SignedNote
  readonly sinceMs: number
  readonly witnesses: Set<string>
}

export class CosignedCheckpoints {
  readonly #parts: CosignedParts
  /** Oldest first; the last one is offered. */
  #kept: Offered[] = []
  readonly #heard = new Map<string, number>()

  constructor(parts: CosignedParts) {
    this.#parts = parts
  }

  /** The signed checkpoint that witnesses should cosign now. @throws {TeeError} */
  async offered(): Promise<string> {
    const nowMs = this.#parts.monotonicMs()
    const last = this.#kept.at(-1)
    if (last === undefined || this.#isDone(last, nowMs)) {
      const note = parseNote(await this.#parts.checkpoint())
      if (note.text !== this.#kept.at(-1)?.note.text) {
        this.#kept = [...this.#kept, { note, sinceMs: nowMs, witnesses: new Set<string>() }].slice(-KEPT)
      }
    }
    const offered = this.#kept.at(-1)
    if (offered === undefined) throw new TypeError('nothing is offered')
    return formatNote({ text: offered.note.text, signatures: offered.note.signatures.slice(0, 1) })
  }

  /**
   * Takes the lines of registered hospitals from a note that was offered.
   * @returns how many hospitals have cosigned it now.
   * @throws {ProtocolError} `WITNESS_REJECTED` if it was not offered, or no line is of a registered hospital.
   * @throws {LogError} `LOG_CHECKPOINT_MALFORMED`, `LOG_SIGNATURE_INVALID`
   */
  async take(text: string): Promise<number> {
    const note = parseNote(text)
    const offered = this.#kept.find((one) => one.note.text === note.text)
    if (offered === undefined) throw rejected()
    let taken = 0
    for (const line of note.signatures) {
      const { name } = line
      if (offered.witnesses.has(name)) {
        taken++
        this.#heard.set(name, this.#parts.monotonicMs())
        continue
      }
      if (offered.witnesses.size >= MAX_WITNESSES || !/^h-[0-9a-f]{32}$/.test(name)) continue
      const key = await this.#parts.findWitness(name)
      if (key === undefined) continue
      // Two lines of one key, and one that does not verify, refuse the whole note.
      if (verifyCosignature(this.#parts.crypto, note, { name, key }) === undefined) continue
      if (!offered.witnesses.has(name)) offered.note = addSignature(offered.note, line)
      offered.witnesses.add(name)
      this.#heard.set(name, this.#parts.monotonicMs())
      taken++
    }
    if (taken === 0) throw rejected()
    return offered.witnesses.size
  }

  /** The newest checkpoint with at least so many cosignatures. @throws {ProtocolError} `WITNESS_TOO_FEW` */
  newest(least: number): string {
    const found = this.#kept.findLast(({ witnesses }) => witnesses.size >= least)
    if (found === undefined) throw new ProtocolError('WITNESS_TOO_FEW', 'no checkpoint has so many cosignatures yet')
    return formatNote(found.note)
  }

  /** Everybody who was heard of lately has cosigned it, or it waited long enough. */
  #isDone({ sinceMs, witnesses }: Offered, nowMs: number): boolean {
    if (nowMs - sinceMs >= OFFERED_MS) return true
    const waitedFor = [...this.#heard].filter(([, heardMs]) => nowMs - heardMs < HEARD_MS).map(([name]) => name)
    return waitedFor.length > 0 && waitedFor.every((name) => witnesses.has(name))
  }
}

function rejected(): ProtocolError {
  return new ProtocolError('WITNESS_REJECTED', 'not a cosignature of what was offered')
}
