/**
 * Answers for the staff's first screen: counts, health of the parts, certificates that end.
 *
 * @module
 */
import {
  bool,
  list,
  literal,
  oneOf,
  optional,
  struct,
  text,
  uint,
  variant,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'

export const hospitalStatusShape = struct({
  patients: uint(),
  practitioners: uint(),
  waitingCommitments: uint(),
  waitingProvisions: uint(),
  /** Records in the outbox. */
  waitingUploads: uint(),
})

/** Counts for the staff: people, and what waits for the ledger or for the record server. @useDeclaredType */
export type HospitalStatus = Infer<typeof hospitalStatusShape>

const down = struct({ state: literal('down'), code: text({ max: 64 }) })

const outboxShape = struct({ waiting: uint(), oldestMs: optional(uint()) })

export const summaryShape = struct({
  today: struct({
    booked: uint(),
    permissionsMissing: uint(),
    /** Absent: the record server does not say. */
    emergenciesToReview: optional(uint()),
    /** Of patients, without an answer. */
    questionsWaiting: uint(),
    uploadsWaiting: uint(),
  }),
  recordServer: variant('state', {
    up: struct({ state: literal('up'), tee: text({ max: 32 }), simulated: bool(), measurement: text({ max: 64 }) }),
    down,
  }),
  ledger: variant('state', {
    up: struct({ state: literal('up'), height: uint(), blockMs: uint(), organizations: uint() }),
    down,
  }),
  outbox: outboxShape,
  certificates: list(
    struct({
      ref: text({ max: 34 }),
      name: text({ max: 128 }),
      kind: oneOf('service', 'practitioner'),
      notAfterMs: uint(),
    }),
    { max: 65_536 },
  ),
  registered: struct({ patients: uint(), practitioners: uint(), staff: uint() }),
})

/** Today's work, the parts, what waits, certificates that end within 60 days. @useDeclaredType */
export type HospitalSummary = Infer<typeof summaryShape>
