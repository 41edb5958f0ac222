/**
 * What patients ask their hospital about an access, an emergency access or a record, and what they report as misuse: kept
 * in the hospital's encrypted store, answered once by staff, never changed.
 *
 * Limits: 20 of one patient may be without an answer.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../shared/crypto/src/index.ts'
import { ProtocolError, type PatientRef } from '../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from './database.ts'

export const MAX_QUESTION_CHARACTERS = 2_048
const MAX_UNANSWERED = 20

/** `report`: the patient thinks that it was misuse. */
export const QUESTION_KINDS = ['question', 'report'] as const
export type QuestionKind = (typeof QUESTION_KINDS)[number]

/** What it is about: an entry of the access log by its number, an emergency access or a record by its id. */
export const QUESTION_SUBJECTS = ['access', 'emergency', 'record'] as const

export interface QuestionSubject {
  readonly kind: (typeof QUESTION_SUBJECTS)[number]
  readonly id: string
}

export interface NewQuestion {
  readonly kind: QuestionKind
  readonly about: QuestionSubject
  readonly text: string
}

export interface Question extends NewQuestion {
  /** `q-` and 32 hex digits. */
  readonly id: string
  readonly patient: PatientRef
  readonly askedMs: number
  readonly answer?: { readonly text: string; readonly by: string; readonly timeMs: number }
}

interface Row {
  readonly id: string
  readonly patient: PatientRef
  readonly kind: QuestionKind
  readonly about_kind: QuestionSubject['kind']
  readonly about_id: string
  readonly text: string
  readonly asked_ms: number
  readonly answer: string | null
  readonly answered_by: string | null
  readonly answered_ms: number | null
}

export class Questions {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  /** Durable when it returns. @throws {ProtocolError} `HTTP_RATE_LIMITED`: too many have no answer yet */
  ask(patient: PatientRef, { kind, about, text }: NewQuestion, nowMs: number): Question {
    const id = `q-${encodeHex(this.#crypto.randomBytes(16))}`
    this.#db.transaction(() => {
      const unanswered = this.#db
        .prepare('SELECT count(*) FROM question WHERE patient = ? AND answer IS NULL')
        .pluck()
        .get(patient) as number
      if (unanswered >= MAX_UNANSWERED) {
        throw new ProtocolError('HTTP_RATE_LIMITED', 'the hospital answers the earlier ones first')
      }
      this.#db
        .prepare('INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)')
        .run(id, patient, kind, about.kind, about.id, text, nowMs)
    })()
    return { id, patient, kind, about, text, askedMs: nowMs }
  }

  /** Newest first; of one patient, or of all. */
  list(patient?: PatientRef): Question[] {
    const rows =
      patient === undefined
        ? this.#db.prepare('SELECT * FROM question ORDER BY asked_ms DESC, id LIMIT 1000').all()
        : this.#db
            .prepare('SELECT * FROM question WHERE patient = ? ORDER BY asked_ms DESC, id LIMIT 1000')
            .all(patient)
    return (rows as Row[]).map(questionOf)
  }

  /** @throws {ProtocolError} `HTTP_NOT_FOUND`, also when it has an answer already */
  answer(id: string, { text, by, timeMs }: NonNullable<Question['answer']>): void {
    const { changes } = this.#db
      .prepare('UPDATE question SET answer = ?, answered_by = ?, answered_ms = ? WHERE id = ? AND answer IS NULL')
      .run(text, by, timeMs, id)
    if (changes === 0) throw new ProtocolError('HTTP_NOT_FOUND', 'no question that waits for an answer')
  }

  /** How many wait for an answer. */
  get waiting(): number {
    return this.#db.prepare('SELECT count(*) FROM question WHERE answer IS NULL').pluck().get() as number
  }
}

function questionOf(row: Row): Question {
  const { id, patient, kind, text, asked_ms: askedMs } = row
  const answer =
    row.answer === null || row.answered_by === null || row.answered_ms === null
      ? {}
      : { answer: { text: row.answer, by: row.answered_by, timeMs: row.answered_ms } }
  return { id, patient, kind, about: { kind: row.about_kind, id: row.about_id }, text, askedMs, ...answer }
}
