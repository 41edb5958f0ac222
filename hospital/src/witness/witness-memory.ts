/**
 * What this witness last cosigned of each log, and what it refused as another history. Durable before anything is
 * signed, in files of its own: putting an older copy of the hospital's store back must not make the witness forget.
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  isErrorCode,
  list,
  literal,
  parseJson,
  ProtocolError,
  struct,
  text,
  uint,
  type ErrorCode,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import { writePrivateFile } from '../private-file.ts'

/** Refusals that are kept of one log: the first ones, which are the proof. */
const MAX_CONFLICTS = 16

const note = text({ min: 1, max: 65_536 })
const fileShape = struct({
  v: literal(1),
  size: uint(),
  /** Signed note; empty before the first. */
  note: text({ max: 65_536 }),
  conflicts: list(struct({ timeMs: uint(), code: text({ max: 64 }), seen: note, offered: note }), {
    max: MAX_CONFLICTS,
  }),
})

/** Two checkpoints with the log's own signature of which one does not continue the other. */
export interface WitnessConflict {
  readonly timeMs: number
  /** `CHECKPOINT_FORKED`: same size, other root, a proof by itself. Others: no proof of consistency was given. */
  readonly code: ErrorCode
  /** Signed note that was cosigned. */
  readonly seen: string
  /** Signed note that was refused. */
  readonly offered: string
}

export interface Remembered {
  readonly size: number
  /** Signed note; empty before the first. */
  readonly note: string
  readonly conflicts: readonly WitnessConflict[]
}

const NOTHING: Remembered = { size: 0, note: '', conflicts: [] }

export class WitnessMemory {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws {ProtocolError} `STORE_DAMAGED`: a witness that forgot must not sign. */
  read(log: ServerRef): Remembered {
    const path = this.#path(log)
    if (!existsSync(path)) return NOTHING
    try {
      const {
        size,
        note: newest,
        conflicts,
      } = fileShape(parseJson(readFileSync(path, 'utf8'), { maxBytes: 4 * 2 ** 20 }), 'witness')
      return {
        size,
        note: newest,
        conflicts: conflicts.map(({ code, ...rest }) => ({
          ...rest,
          code: isErrorCode(code) ? code : 'LOG_NOT_CONSISTENT',
        })),
      }
    } catch (cause) {
      throw new ProtocolError('STORE_DAMAGED', 'what the witness remembers cannot be read', { cause })
    }
  }

  /** Durable when this returns. */
  advance(log: ServerRef, size: number, newest: string): void {
    this.#write(log, { ...this.read(log), size, note: newest })
  }

  /** Keeps a refusal; the same pair once. */
  keep(log: ServerRef, conflict: WitnessConflict): void {
    const before = this.read(log)
    const isKnown = before.conflicts.some(({ offered }) => offered === conflict.offered)
    if (isKnown || before.conflicts.length >= MAX_CONFLICTS) return
    this.#write(log, { ...before, conflicts: [...before.conflicts, conflict] })
  }

  #path(log: ServerRef): string {
    return join(this.#folder, `${log}.json`)
  }

  #write(log: ServerRef, remembered: Remembered): void {
    writePrivateFile(this.#path(log), JSON.stringify({ v: 1, ...remembered }))
  }
}
