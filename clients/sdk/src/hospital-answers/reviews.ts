/**
 * Answers about what patients and staff say of accesses: questions, verdicts on emergency accesses.
 *
 * @module
 */
import {
  bool,
  oneOf,
  optional,
  patientRefShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'

const verdictShape = oneOf('justified', 'follow-up', 'misuse')
/** @useDeclaredType */
export type Verdict = Infer<typeof verdictShape>

export const reviewedEmergencyShape = struct({
  emergency: text({ max: 34 }),
  patient: patientRefShape,
  doctor: text({ max: 34 }),
  doctorName: optional(text({ max: 256 })),
  place: optional(text({ max: 256 })),
  reason: text({ max: 32 }),
  text: text({ max: 2_048 }),
  openedMs: uint(),
  untilMs: uint(),
  closedMs: optional(uint()),
  open: bool(),
  logIndex: uint(),
  review: optional(
    struct({
      emergency: text({ max: 34 }),
      verdict: verdictShape,
      note: text({ max: 2_048 }),
      by: text({ max: 128 }),
      timeMs: uint(),
      /** Ledger transaction of the report of misuse. */
      reportTx: optional(text({ max: 64 })),
    }),
  ),
})
/** @useDeclaredType */
export type ReviewedEmergency = Infer<typeof reviewedEmergencyShape>

export const questionShape = struct({
  id: text({ max: 34 }),
  patient: patientRefShape,
  /** `report`: the patient thinks that it was misuse. */
  kind: oneOf('question', 'report'),
  /** An entry of the access log by its number, an emergency access or a record by its id. */
  about: struct({ kind: oneOf('access', 'emergency', 'record'), id: text({ max: 40 }) }),
  text: text({ max: 2_048 }),
  askedMs: uint(),
  answer: optional(struct({ text: text({ max: 2_048 }), by: text({ max: 128 }), timeMs: uint() })),
  /** What staff found of the emergency access. */
  review: optional(struct({ verdict: verdictShape, timeMs: uint(), reportTx: optional(text({ max: 64 })) })),
})

/** What a patient asked the hospital, and its answer. @useDeclaredType */
export type AskedQuestion = Infer<typeof questionShape>
export type NewQuestion = Pick<AskedQuestion, 'kind' | 'about' | 'text'>
